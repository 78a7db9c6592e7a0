// SPDX-License-Identifier: MIT
// Reads a formation's output and proves that every line of every chatty is there: whole, in order,
// exactly once.
//
//   checker WRITERS LINES [--least BYTES] [--no-prefix] [--cut] [--screen]
//
// The writer is named by the prefix ("12:00:00 w.1    | …", time optional) or, with --no-prefix,
// by the line itself, which chatty must then keep long enough (--least 64). Lines of the formation
// itself are skipped. With --cut the input may end anywhere, and only what is there is checked.
// With --screen a line may have been shown before, as far as it had come then, which may be all of
// it but its newline. One sentence to standard
// output, with the size of the input; exit status 0 if all is well.
#include "line.h"

#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST_WRITERS = 1024, NAME_BYTES = 128 };

struct writer {
    char name[NAME_BYTES];
    uint64_t seen;
};

struct rules {
    size_t least;
    bool prefix;
    bool cut;
    bool screen;
};

struct input {
    uint64_t lines;
    uint64_t bytes;
};

static struct writer writers[MOST_WRITERS];
static size_t writer_count;
static char expected[LINE_LONGEST];

static struct writer *writer_find(const char *name, size_t size)
{
    for (size_t i = 0; i < writer_count; i++)
        if (strlen(writers[i].name) == size && memcmp(writers[i].name, name, size) == 0)
            return &writers[i];
    if (writer_count == MOST_WRITERS || size >= NAME_BYTES)
        return NULL;
    memcpy(writers[writer_count].name, name, size);
    return &writers[writer_count++];
}

static int fail(const char *why, const char *text, size_t size, uint64_t input_line)
{
    printf("input line %llu: %s: %.*s%s\n", (unsigned long long)input_line, why,
           (int)(size < 160 ? size : 160), text, size < 160 ? "" : "…");
    return 1;
}

// Cuts "[time ]name[blanks] | " off the line; false if there is none.
static bool cut_prefix(char **line, size_t *size, const char **name, size_t *name_size)
{
    char *bar = memmem(*line, *size, " | ", 3);
    if (!bar)
        return false;
    char *end = bar;
    while (end > *line && end[-1] == ' ')
        end--;
    char *start = end;
    while (start > *line && start[-1] != ' ')
        start--;
    *name = start;
    *name_size = (size_t)(end - start);
    *size -= (size_t)(bar + 3 - *line);
    *line = bar + 3;
    return true;
}

// The formation's own lines begin with a word or the name of a signal.
static bool is_of_formation(const char *text, size_t size)
{
    return size > 3 && (islower((unsigned char)text[0]) || memcmp(text, "SIG", 3) == 0);
}

static int check_line(char *line, size_t size, const struct rules *rules, uint64_t input_line)
{
    char *text = line;
    size_t text_size = size, name_size = 0;
    const char *name = NULL;
    if (rules->prefix && !cut_prefix(&text, &text_size, &name, &name_size))
        return fail("no prefix", line, size, input_line);
    if (text_size == 0 || text[0] != '<')
        return is_of_formation(text, text_size) ? 0
                                                : fail("torn or foreign", line, size, input_line);
    if (!rules->prefix) {
        char *end = memchr(text, ' ', text_size);
        if (!end)
            return fail("no name in it", line, size, input_line);
        name = text + 1;
        name_size = (size_t)(end - name);
    }
    struct writer *writer = writer_find(name, name_size);
    if (!writer)
        return fail("too many writers", line, size, input_line);
    size_t wanted = line_make(writer->name, writer->seen + 1, rules->least, expected);
    if (rules->screen && text_size < wanted && memcmp(expected, text, text_size) == 0)
        return 0;
    if (wanted == text_size && memcmp(expected, text, wanted) == 0) {
        writer->seen++;
        return 0;
    }
    // The one before was shown when only its newline was missing, and this is it.
    if (rules->screen && writer->seen > 0 &&
        line_make(writer->name, writer->seen, rules->least, expected) == text_size &&
        memcmp(expected, text, text_size) == 0)
        return 0;
    printf("%s: line %llu is not as written, expected %zu bytes, got %zu; ", writer->name,
           (unsigned long long)writer->seen + 1, wanted, text_size);
    return fail("it is", line, size, input_line);
}

// What is missing at the end. Not asked for after --cut.
static int check_count(size_t wanted_writers, uint64_t wanted_lines)
{
    for (size_t i = 0; i < writer_count; i++) {
        if (writers[i].seen != wanted_lines) {
            printf("%s: %llu of %llu lines\n", writers[i].name, (unsigned long long)writers[i].seen,
                   (unsigned long long)wanted_lines);
            return 1;
        }
    }
    if (writer_count != wanted_writers) {
        printf("%zu of %zu writers\n", writer_count, wanted_writers);
        return 1;
    }
    return 0;
}

static void tell(const struct input *input)
{
    unsigned long long lines = 0;
    for (size_t i = 0; i < writer_count; i++)
        lines += writers[i].seen;
    printf("%zu writers, %llu lines in %llu bytes: every line whole, in order, once\n",
           writer_count, lines, (unsigned long long)input->bytes);
}

// Returns 0, or 1 after it has told what is wrong.
static int check_input(struct input *input, const struct rules *rules)
{
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    for (ssize_t size; result == 0 && (size = getline(&line, &room, stdin)) > 0;) {
        input->bytes += (uint64_t)size;
        if (line[size - 1] == '\n')
            size--;
        else if (rules->cut)
            break;
        result = check_line(line, (size_t)size, rules, ++input->lines);
    }
    free(line);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"least", required_argument, NULL, 'l'},
        {"no-prefix", no_argument, NULL, 'p'},
        {"cut", no_argument, NULL, 'c'},
        {"screen", no_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    struct rules rules = {.least = 1, .prefix = true};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'l':
            rules.least = strtoul(optarg, NULL, 10);
            break;
        case 'p':
            rules.prefix = false;
            break;
        case 'c':
            rules.cut = true;
            break;
        case 's':
            rules.screen = true;
            break;
        default:
            return 2;
        }
    }
    if (optind + 2 != argc) {
        fprintf(stderr,
                "usage: checker WRITERS LINES [--least BYTES] [--no-prefix] [--cut] [--screen]\n");
        return 2;
    }
    struct input input = {0};
    int result = check_input(&input, &rules);
    if (result == 0 && !rules.cut)
        result = check_count(strtoul(argv[optind], NULL, 10), strtoull(argv[optind + 1], NULL, 10));
    if (result == 0)
        tell(&input);
    return result;
}
