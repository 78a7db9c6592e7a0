// SPDX-License-Identifier: MIT
// How fast bytes become prefixed lines, from memory to memory, against the floor of one memcpy.
// Prints MiB of input a second.
#include "stream/lines.h"
#include "view/log_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READ_BYTES = 64 * 1024, INPUT_BYTES = 16 * 1024 * 1024, ROUNDS = 20 };
enum { BATCH_LINES = 1024 }; // as manager/output.c

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(size_t line_size, const char *what, double took)
{
    printf("%5zu-byte lines  %-10s %7.0f MiB/s  %6.1f ns a line\n", line_size, what,
           ROUNDS * (double)INPUT_BYTES / took / (1024 * 1024),
           took * 1e9 / (ROUNDS * (double)INPUT_BYTES / (double)line_size));
}

static void fill(char *input, size_t line_size, const char *begin)
{
    size_t begin_size = strlen(begin);
    for (size_t i = 0; i < INPUT_BYTES; i++) {
        size_t at = i % line_size;
        input[i] = at == line_size - 1 ? '\n' : at < begin_size ? begin[at] : 'x';
    }
}

static double measure_copy(const char *input, char *output)
{
    double start = seconds();
    for (int round = 0; round < ROUNDS; round++)
        for (size_t at = 0; at < INPUT_BYTES; at += READ_BYTES) {
            memcpy(output, input + at, READ_BYTES);
            __asm__ volatile("" : : "r"(output) : "memory");
        }
    return seconds() - start;
}

static double measure_lines(const char *input, const struct log_prefix *prefix)
{
    struct lines_budget budget = LINES_BUDGET_INIT;
    struct lines lines = {.budget = &budget};
    struct buffer out = {0};
    struct str batch[BATCH_LINES];
    double start = seconds();
    for (int round = 0; round < ROUNDS; round++)
        for (size_t at = 0; at < INPUT_BYTES; at += READ_BYTES) {
            struct str bytes = {input + at, READ_BYTES};
            size_t count;
            while ((count = lines_next_whole(&lines, &bytes, batch, BATCH_LINES)) > 0 ||
                   (count = lines_next(&lines, &bytes, batch)) > 0)
                log_lines_append(&out, prefix, batch, count);
            buffer_clear(&out); // as if written
        }
    double took = seconds() - start;
    lines_fini(&lines);
    buffer_fini(&out);
    return took;
}

int main(void)
{
    static const size_t line_sizes[] = {20, 100, 1000};
    char *input = malloc(INPUT_BYTES);
    char *output = malloc(READ_BYTES);
    if (!input || !output)
        return 1;
    struct log_style pipe_style = {.width = 8};
    struct log_style terminal_style = {.width = 8, .color = true, .tame = true};
    struct log_prefix for_pipe;
    struct log_prefix for_terminal;
    log_prefix_build(&for_pipe, &pipe_style, 36, str_of("12:34:56"), str_of("web.1"));
    log_prefix_build(&for_terminal, &terminal_style, 36, str_of("12:34:56"), str_of("web.1"));
    for (size_t i = 0; i < sizeof(line_sizes) / sizeof(line_sizes[0]); i++) {
        size_t size = line_sizes[i];
        fill(input, size, "");
        report(size, "memcpy", measure_copy(input, output));
        report(size, "pipe", measure_lines(input, &for_pipe));
        report(size, "terminal", measure_lines(input, &for_terminal));
        fill(input, size, "\033[32mok\033[0m \xc3\xa9");
        report(size, "colours", measure_lines(input, &for_terminal));
    }
    free(input);
    free(output);
    return 0;
}
