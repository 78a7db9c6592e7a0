// SPDX-License-Identifier: MIT
// No other screen, no hidden cursor: whatever ends the program, the terminal is as it was, with the
// last look on it.
#include "cli/watch.h"

#include "cli/client.h"
#include "os/clock.h"
#include "view/table.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define CLEAR_REST_OF_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

static void end(int signal)
{
    if (signal == SIGINT && isatty(STDOUT_FILENO))
        (void)!write(STDOUT_FILENO, "\n", 1); // behind the ^C
    _exit(0);
}

static void wake_up(int signal)
{
    (void)signal;
}

void watch_begin(struct watch *watch, nsec_t interval)
{
    struct sigaction action = {.sa_handler = end};
    struct sigaction inherited;
    if (sigaction(SIGINT, NULL, &inherited) < 0 || inherited.sa_handler != SIG_IGN)
        (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = wake_up;
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGWINCH, &action, NULL);
    *watch = (struct watch){
        .interval = interval,
        .next = clock_now() + interval,
        .is_terminal = isatty(STDOUT_FILENO),
    };
}

// So many lines may be shown, the one that the cursor stands on not counted.
static size_t lines_most(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 3)
        return SIZE_MAX;
    return size.ws_row - 1U;
}

static size_t count_lines(struct str text)
{
    size_t count = 0;
    struct str line;
    while (str_next(&text, '\n', &line))
        count++;
    return count;
}

static void draw_on_terminal(struct watch *watch, struct str text, struct buffer *out)
{
    const size_t count = count_lines(text);
    const size_t most = lines_most();
    const size_t shown = count > most ? most - 1 : count;
    const unsigned columns = client_columns(); // a line that wraps would be two
    struct str line;
    if (watch->lines > 0)
        buffer_append_format(out, "\033[%zuA\r", watch->lines);
    for (size_t i = 0; i < shown && str_next(&text, '\n', &line); i++) {
        table_append_cut(out, line, columns);
        buffer_append_text(out, CLEAR_REST_OF_LINE "\n");
    }
    if (shown < count)
        buffer_append_format(out, "and %zu more lines" CLEAR_REST_OF_LINE "\n", count - shown);
    buffer_append_text(out, CLEAR_BELOW);
    watch->lines = shown + (shown < count ? 1 : 0);
}

void watch_draw(struct watch *watch, struct buffer *lines)
{
    struct buffer out = {0};
    if (!watch->is_terminal) {
        if (watch->lines++ > 0)
            buffer_append_char(&out, '\n');
        buffer_append_str(&out, buffer_str(lines));
    } else {
        struct str text = buffer_str(lines);
        draw_on_terminal(watch, str_slice(text, 0, text.size > 0 ? text.size - 1 : 0), &out);
    }
    out.failed = out.failed || lines->failed;
    buffer_fini(lines);
    *lines = out;
}

void watch_wait(struct watch *watch)
{
    nsec_t now = clock_now();
    nsec_t rest = watch->next - now;
    if (rest > 0) {
        struct timespec time = {rest / NSEC_PER_SEC, rest % NSEC_PER_SEC};
        if (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) != 0)
            return; // a signal
    }
    // Not one after the other to make up for those that were missed.
    now = clock_now();
    while (watch->next <= now)
        watch->next += watch->interval;
}
