// SPDX-License-Identifier: MIT
// How fast lines become what files, syslog and the journal get, from memory to memory, a new prefix
// every 16 lines. Prints MB of text a second, newlines not counted.
#include "view/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUND_LINES = 16, ROUND_COUNT = 100 * 1000, OUTPUT_BYTES = 64 * 1024 };

static const char *const names[LOG_FORMAT_COUNT] = {
    "text", "raw", "json", "logfmt", "heroku", "syslog", "syslog tcp", "syslog local", "journal"};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct str fill(char *line, size_t size, const char *pattern)
{
    for (size_t i = 0; i < size; i++)
        line[i] = pattern[i % strlen(pattern)];
    return str_from(line, size);
}

static double measure(enum log_format format, struct str text)
{
    struct format_line line = {.clock = str_of("23:00:00"),
                               .width = 8,
                               .app = str_of("shop"),
                               .host = str_of("example.com"),
                               .type = str_of("web"),
                               .process = str_of("web.1"),
                               .number = 1,
                               .pid = 12345,
                               .facility = FACILITY_USER};
    struct buffer out = {0};
    double start = seconds();
    for (unsigned round = 0; round < ROUND_COUNT; round++) {
        struct format_prefix prefix;
        line.at = 1795647600 * NSEC_PER_SEC + round * NSEC_PER_MSEC;
        format_prefix_build(&prefix, format, &line);
        for (unsigned i = 0; i < ROUND_LINES; i++)
            format_append(&out, format, &prefix, text);
        if (out.size > OUTPUT_BYTES)
            buffer_clear(&out); // as if written
    }
    double took = seconds() - start;
    buffer_fini(&out);
    return took / (ROUND_COUNT * (double)ROUND_LINES);
}

int main(void)
{
    static const struct {
        const char *what, *pattern;
        size_t size;
    } inputs[] = {
        {"ASCII", "GET /orders?page=17 200 in 12ms ", 100},
        {"ASCII", "GET /orders?page=17 200 in 12ms ", 1000},
        {"JSON", "{\"level\":\"info\",\"path\":\"/a/b\"} ", 100},
        {"colours", "\033[32mok\033[0m a request of 12 ms ", 100},
        {"Greek", "\xce\xb1\xce\xb2\xce\xb3\xce\xb4 ", 100},
        {"random", "\xfe\x80\xc3\x01z\xe2\x80q\xf0\x9f\x90#\x1b", 100},
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        for (unsigned format = 0; format < LOG_FORMAT_COUNT; format++) {
            char bytes[1000];
            struct str text = fill(bytes, inputs[i].size, inputs[i].pattern);
            double took = measure(format, text);
            printf("%5zu bytes of %-8s %-12s %7.0f MB/s  %6.1f ns a line\n", inputs[i].size,
                   inputs[i].what, names[format], (double)inputs[i].size / took / 1e6, took * 1e9);
        }
    return 0;
}
