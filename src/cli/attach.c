// SPDX-License-Identifier: MIT
// formation attach: a process's terminal in the place of ours. Ours is raw meanwhile and gets its
// mode back whatever ends this: signals arrive by a descriptor, so nothing ends it in between.
#include "cli/client.h"
#include "cli/keys.h"
#include "cli/report.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static const char default_keys[] = "ctrl-p,ctrl-q";

enum end {
    END_NOT,
    END_DETACHED,
    END_CLOSED, // by the formation
    END_OUTPUT, // nobody takes ours
    END_SIGNAL,
};

struct attach {
    struct client *client;
    const char *process;
    struct keys keys;
    int connection;
    int signals;
    bool is_terminal; // standard input
    bool is_raw;
    struct termios mode; // as it was
    bool reads_input;
    int signal;  // of END_SIGNAL
    int64_t pid; // of the process, when we came
};

// --- our own terminal

static void enter_raw(struct attach *attach)
{
    struct termios raw = attach->mode;
    if (!attach->is_terminal)
        return;
    cfmakeraw(&raw);
    attach->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void leave_raw(struct attach *attach)
{
    if (attach->is_raw)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &attach->mode);
    attach->is_raw = false;
}

static bool own_size(struct winsize *out)
{
    return ioctl(STDIN_FILENO, TIOCGWINSZ, out) == 0 && out->ws_col > 0 && out->ws_row > 0;
}

static json_t *call_parameters(const struct attach *attach)
{
    struct winsize size;
    json_t *parameters = json_pack("{s:s}", "process", attach->process);
    if (parameters && own_size(&size)) {
        (void)json_object_set_new(parameters, "columns", json_integer(size.ws_col));
        (void)json_object_set_new(parameters, "rows", json_integer(size.ws_row));
    }
    return parameters;
}

// Asks over a connection of its own; what fails is no reason to leave the terminal.
static json_t *ask(struct attach *attach, const char *method, json_t *parameters)
{
    struct engine_request request = {.method = method, .parameters = parameters};
    struct engine *engine = NULL;
    struct error error;
    json_t *reply = NULL;
    if (engine_open(&attach->client->address, 0, &engine, &error) == 0)
        (void)engine_call(engine, &request, &reply, &error);
    engine_close(engine);
    json_decref(parameters);
    return reply;
}

// The pid that the process has now; 0: it does not run.
static int64_t find_pid(struct attach *attach)
{
    json_t *reply = ask(attach, "List", json_pack("{s:[s]}", "select", attach->process));
    const json_t *process = json_array_get(json_object_get(reply, "processes"), 0);
    int64_t pid = json_integer_value(json_object_get(process, "pid"));
    json_decref(reply);
    return pid;
}

// --- bytes

static bool write_all(int fd, const char *bytes, size_t size)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EAGAIN)
            (void)poll(&room, 1, -1);
        else if (written < 0 && errno != EINTR)
            return false;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static enum end copy_input(struct attach *attach)
{
    char bytes[4096];
    char typed[sizeof(bytes) + KEYS_MOST];
    ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return END_NOT;
    if (size <= 0) { // what the process writes is still to be seen
        (void)shutdown(attach->connection, SHUT_WR);
        attach->reads_input = false;
        return END_NOT;
    }
    size_t count;
    bool leaves = keys_filter(&attach->keys, str_from(bytes, (size_t)size), typed, &count);
    if (!write_all(attach->connection, typed, count))
        attach->reads_input = false; // its end is told by what we read
    return leaves ? END_DETACHED : END_NOT;
}

static enum end copy_output(const struct attach *attach)
{
    char bytes[64 * 1024];
    ssize_t size = read(attach->connection, bytes, sizeof(bytes));
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return END_NOT;
    if (size <= 0)
        return END_CLOSED;
    return write_all(STDOUT_FILENO, bytes, (size_t)size) ? END_NOT : END_OUTPUT;
}

static enum end take_signal(struct attach *attach)
{
    struct signalfd_siginfo info;
    if (read(attach->signals, &info, sizeof(info)) != sizeof(info))
        return END_NOT;
    int signal = (int)info.ssi_signo;
    if (signal == SIGWINCH) {
        json_decref(ask(attach, "Resize", call_parameters(attach)));
    } else if (signal == SIGTSTP) {
        leave_raw(attach);
        (void)raise(SIGSTOP); // and when we go on:
        enter_raw(attach);
        json_decref(ask(attach, "Resize", call_parameters(attach)));
    } else {
        attach->signal = signal;
        return END_SIGNAL;
    }
    return END_NOT;
}

static enum end copy(struct attach *attach)
{
    enum { SIGNALS, CONNECTION, INPUT };
    enum end end = END_NOT;
    while (end == END_NOT) {
        struct pollfd ready[] = {
            [SIGNALS] = {.fd = attach->signals, .events = POLLIN},
            [CONNECTION] = {.fd = attach->connection, .events = POLLIN},
            [INPUT] = {.fd = attach->reads_input ? STDIN_FILENO : -1, .events = POLLIN},
        };
        if (poll(ready, sizeof(ready) / sizeof(ready[0]), -1) < 0)
            continue; // a signal
        if (ready[SIGNALS].revents)
            end = take_signal(attach);
        if (end == END_NOT && ready[INPUT].revents)
            end = copy_input(attach);
        if (end == END_NOT && ready[CONNECTION].revents)
            end = copy_output(attach);
    }
    return end;
}

// --- the command

static int open_signals(void)
{
    sigset_t set;
    const int taken[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        (void)sigaddset(&set, taken[i]);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int tell_end(struct attach *attach, enum end end)
{
    const char *before = attach->is_terminal ? "\n" : "";
    if (end == END_SIGNAL)
        return 128 + attach->signal;
    if (end == END_OUTPUT)
        return report_lost_output(&attach->client->invocation->options);
    if (end == END_CLOSED && attach->pid > 0 && find_pid(attach) == attach->pid)
        return client_refuse(attach->client, "the connection to %s was lost; it runs on",
                             attach->process);
    (void)fprintf(stderr, end == END_DETACHED ? "%sdetached from %s\n" : "%s%s has ended\n", before,
                  attach->process);
    return 0;
}

static int sit_down(struct attach *attach, struct str early)
{
    attach->signals = open_signals();
    if (attach->signals < 0)
        return client_refuse(attach->client, "cannot attach: %s", strerror(errno));
    attach->pid = find_pid(attach);
    attach->is_terminal = tcgetattr(STDIN_FILENO, &attach->mode) == 0;
    enter_raw(attach);
    bool is_shown = write_all(STDOUT_FILENO, early.bytes, early.size);
    enum end end = is_shown ? copy(attach) : END_OUTPUT;
    leave_raw(attach);
    (void)close(attach->signals);
    return tell_end(attach, end);
}

static int run(struct attach *attach)
{
    struct buffer early = {0};
    int status = client_upgrade(attach->client, "Attach", call_parameters(attach),
                                &attach->connection, &early);
    if (status == 0) {
        status = sit_down(attach, buffer_str(&early));
        (void)close(attach->connection);
    }
    buffer_fini(&early);
    return status;
}

int command_attach(struct invocation *invocation)
{
    struct client client;
    struct attach attach = {
        .client = &client,
        .process = invocation->operands[0],
        .reads_input = true,
    };
    const char *keys = invocation->client.detach_keys;
    if (!keys_parse(keys ? keys : default_keys, &attach.keys))
        return report_usage(&invocation->options,
                            "--detach-keys takes keys with commas between them: a letter, or "
                            "ctrl- and one of a to z, @, [, \\, ], ^ and _");
    int status = client_open(&client, invocation);
    if (status == 0)
        status = run(&attach);
    client_close(&client);
    return status;
}
