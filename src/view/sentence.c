// SPDX-License-Identifier: MIT
// Why a launch failed is one table: stage and errno on the left, words on the right. Foreman's own
// words ("unknown command", "terminated by", …) are kept, since scripts look for them.
#include "view/sentence.h"

#include "base/signal_name.h"
#include "view/figure.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

// So many names fit a line of a terminal; the rest is counted.
enum { NAMES_LISTED = 8 };

void sentence_started(struct buffer *out, int pid)
{
    buffer_append_format(out, "started with pid %d", pid);
}

static void append_signal(struct buffer *out, int signal)
{
    const char *name = signal_name(signal);
    if (str_starts_with(str_of(name), "SIG"))
        buffer_append_text(out, name);
    else
        buffer_append_format(out, "signal %d", signal);
}

void sentence_ended(struct buffer *out, int wait_status)
{
    sentence_ended_within(out, wait_status, 0);
}

void sentence_ended_within(struct buffer *out, int wait_status, uint64_t memory_limit)
{
    char figure[FIGURE_BYTES];
    if (WIFEXITED(wait_status)) {
        buffer_append_format(out, "exited with code %d", WEXITSTATUS(wait_status));
    } else if (WIFSIGNALED(wait_status)) {
        buffer_append_text(out, "terminated by ");
        append_signal(out, WTERMSIG(wait_status));
        if (WCOREDUMP(wait_status))
            buffer_append_text(out, " (core dumped)");
    } else {
        buffer_append_text(out, "died a mysterious death");
    }
    if (!(wait_status & EXIT_OUT_OF_MEMORY))
        return;
    buffer_append_text(out, " (out of memory");
    if (memory_limit > 0)
        buffer_append_format(out, ": its limit is %s", figure_limit(memory_limit, figure));
    buffer_append_char(out, ')');
}

struct failure {
    enum launch_stage stage;
    int code; // errno; 0: any other
    bool names_subject;
    bool gives_reason;
    const char *text;
};

// Searched from the top: a stage's own errors stand before its general one.
static const struct failure failures[] = {
    {LAUNCH_OUTPUT, EMFILE, false, false, "cannot open its output: too many files are open"},
    {LAUNCH_OUTPUT, ENFILE, false, false,
     "cannot open its output: the system's file table is full"},
    {LAUNCH_OUTPUT, 0, false, true, "cannot open its output"},
    {LAUNCH_FORK, EAGAIN, false, false, "cannot fork: too many processes or threads"},
    {LAUNCH_FORK, ENOMEM, false, false, "cannot fork: out of memory"},
    {LAUNCH_FORK, 0, false, true, "cannot fork"},
    {LAUNCH_DIRECTORY, ENOENT, true, false, "directory gone"},
    {LAUNCH_DIRECTORY, ENOTDIR, true, false, "not a directory"},
    {LAUNCH_DIRECTORY, EACCES, true, false, "no permission to enter directory"},
    {LAUNCH_DIRECTORY, 0, true, true, "cannot enter directory"},
    {LAUNCH_SETUP, 0, false, true, "cannot prepare it"},
    {LAUNCH_COMMAND, ENOENT, true, false, "unknown command"},
    {LAUNCH_COMMAND, EACCES, true, false, "not executable"},
    {LAUNCH_COMMAND, ENOEXEC, true, false, "neither a program nor a script with a #! line"},
    {LAUNCH_COMMAND, E2BIG, true, false, "too long, with its arguments and environment"},
    {LAUNCH_COMMAND, 0, true, true, "cannot execute"},
    {LAUNCH_CONFINEMENT, EPROTO, false, false,
     "the guard is of a version that cannot confine it as declared: start the formation anew"},
    {LAUNCH_CONFINEMENT, 0, false, true, "cannot confine it"},
    {LAUNCH_NICE, 0, false, true, "cannot set its nice value"},
    {LAUNCH_LIMITS, EPROTO, false, false,
     "the guard is of a version that cannot limit it as declared: start the formation anew"},
    {LAUNCH_LIMITS, 0, false, true, "cannot set its limits"},
    {LAUNCH_TMP, 0, false, true, "cannot give it a /tmp of its own"},
    {LAUNCH_USER, EAGAIN, true, false, "too many processes of the user"},
    {LAUNCH_USER, EINTR, true, false, "stopped again and again by another process of the user"},
    {LAUNCH_USER, 0, true, true, "cannot become the user"},
    {LAUNCH_CAPABILITIES, 0, false, true, "cannot set its capabilities"},
};

static const struct failure *find_failure(enum launch_stage stage, int code)
{
    const struct failure *failure = failures;
    while (failure->stage != stage || (failure->code != code && failure->code != 0))
        failure++;
    return failure;
}

void sentence_not_started(struct buffer *out, enum launch_stage stage, int code, struct str subject)
{
    if (code == ECANCELED) { // by a stop that came first, or by a new manager: whatever the stage
        buffer_append_text(out, "not started: that was called off");
        return;
    }
    const struct failure *failure = find_failure(stage, code);
    buffer_append_text(out, failure->text);
    if (failure->names_subject) {
        buffer_append_text(out, ": ");
        buffer_append_str(out, subject);
    }
    if (failure->gives_reason) {
        const char *reason = strerrordesc_np(code);
        buffer_append_text(out, ": ");
        buffer_append_text(out, reason ? reason : "unknown error");
    }
}

// Nobody waits for the microseconds that jitter gives a pause.
static nsec_t rounded(nsec_t pause)
{
    nsec_t step = pause < NSEC_PER_SEC ? NSEC_PER_MSEC : 100 * NSEC_PER_MSEC;
    return (pause + step - 1) / step * step;
}

void sentence_restarting(struct buffer *out, nsec_t pause, unsigned crash_count)
{
    char text[DURATION_TEXT_BYTES];
    buffer_append_text(out, "restarting");
    if (pause > 0)
        buffer_append_format(out, " in %s", duration_format(rounded(pause), text));
    if (crash_count > 1)
        buffer_append_format(out, " (crash %u in a row)", crash_count);
}

void sentence_shutdown(struct buffer *out, int signal)
{
    append_signal(out, signal);
    buffer_append_text(out, " received, starting shutdown");
}

void sentence_forward(struct buffer *out, int signal)
{
    const char *name = signal_name(signal);
    if (str_starts_with(str_of(name), "SIG"))
        buffer_append_text(out, name + 3); // as Foreman does here
    else
        append_signal(out, signal);
    buffer_append_text(out, " received, forwarding it to children");
}

void sentence_sending_to_all(struct buffer *out, int signal)
{
    buffer_append_text(out, "sending ");
    append_signal(out, signal);
    buffer_append_text(out, " to all processes");
}

static void append_names(struct buffer *out, const struct str *names, size_t count)
{
    size_t listed = count <= NAMES_LISTED ? count : NAMES_LISTED;
    for (size_t i = 0; i < listed; i++) {
        if (i > 0)
            buffer_append_text(out, ", ");
        buffer_append_str(out, names[i]);
    }
    if (listed < count)
        buffer_append_format(out, " and %zu more", count - listed);
}

void sentence_sending(struct buffer *out, int signal, const struct str *names, size_t count)
{
    buffer_append_text(out, "sending ");
    append_signal(out, signal);
    buffer_append_text(out, " to ");
    append_names(out, names, count);
}

void sentence_waiting(struct buffer *out, const struct str *names, size_t count)
{
    buffer_append_text(out, "waiting for ");
    append_names(out, names, count);
}

void sentence_boot_expired(struct buffer *out, nsec_t limit, const char *reason)
{
    char text[DURATION_TEXT_BYTES];
    buffer_append_format(out, "not ready within %s%s%s; stopping it", duration_format(limit, text),
                         *reason ? ": " : "", reason);
}

void sentence_unresponsive(struct buffer *out, const char *reason)
{
    buffer_append_format(out, "%s; stopping it", *reason ? reason : "no sign of life");
}

void sentence_unkilled(struct buffer *out, bool is_forbidden)
{
    buffer_append_text(out, is_forbidden
                                ? "may not be signalled: it has become another user's"
                                : "has not ended 1s after SIGKILL: it hangs in the kernel, or is "
                                  "frozen");
}

void sentence_roll_halted(struct buffer *out, unsigned left)
{
    buffer_append_text(out, "the rolling restart is halted");
    if (left > 0)
        buffer_append_format(out, ": %u %s not restarted", left,
                             left == 1 ? "process was" : "processes were");
}

void sentence_left_behind(struct buffer *out, unsigned count, struct str who, struct str command)
{
    buffer_append_format(out, "left %u %s behind: let it run in the foreground (", count,
                         count == 1 ? "process" : "processes");
    if (command.size > 0)
        buffer_append_str(out, command);
    else
        buffer_append_text(out, "no daemon mode, no & in its command");
    buffer_append_text(out, "), so that it can be managed");
    if (who.size > 0)
        buffer_append_format(out, "; %s %.*s", count == 1 ? "it is" : "they are", STR_ARGS(who));
}

void sentence_abandoned(struct buffer *out, int pid)
{
    buffer_append_format(out, "pid %d does not end, even by SIGKILL; giving up on it", pid);
}

void sentence_line_cut(struct buffer *out, size_t limit_bytes)
{
    size_t mebibytes = limit_bytes / (1024 * 1024);
    if (mebibytes > 0 && limit_bytes % (1024 * 1024) == 0)
        buffer_append_format(out, "a line of more than %zu MiB was cut", mebibytes);
    else
        buffer_append_format(out, "a line of more than %zu bytes was cut", limit_bytes);
}

void sentence_line_cut_early(struct buffer *out)
{
    buffer_append_text(out, "a line was cut: there is no memory for its rest");
}

void sentence_dropping(struct buffer *out, struct str sink, enum drop_cause cause)
{
    static const char *const states[] = {
        [DROP_SLOW] = "is too slow",
        [DROP_FAILING] = "cannot be written",
        [DROP_REFUSED] = "refuses them, or they are too long for it",
    };
    buffer_append_format(out, "lines are dropped: %.*s %s", STR_ARGS(sink), states[cause]);
}

void sentence_dropped(struct buffer *out, uint64_t count, const char *where, struct str sink,
                      enum drop_cause cause)
{
    static const char *const states[] = {
        [DROP_SLOW] = "was too slow",
        [DROP_FAILING] = "could not be written",
        [DROP_REFUSED] = "refused them, or they were too long for it",
    };
    char figure[FIGURE_COUNT_BYTES];
    buffer_append_format(out, "%s %s dropped%s: %.*s %s", figure_count(count, figure),
                         count == 1 ? "line was" : "lines were", where, STR_ARGS(sink),
                         states[cause]);
}
