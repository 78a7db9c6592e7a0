// SPDX-License-Identifier: MIT
// Each message is a line of chatty, a part of one (syslog takes 8 KiB), or a sentence of the
// formation's own. A line is made again from its number, so none has to be kept.
#include "audit.h"

#include "line.h"

#include <ctype.h>
#include <stdlib.h>

static char expected[LINE_LONGEST];

bool audit_init(struct audit *audit, const char *format, const char *most)
{
    char *end;
    audit->format = audit_format_find(format);
    audit->most = strtoul(most, &end, 10);
    if (*end == ',') {
        const char *equals = strchr(end, '=');
        audit->brief = end + 1;
        audit->brief_most = equals ? strtoul(equals + 1, &end, 10) : 0;
    }
    return audit->format && *end == '\0' && audit->most > 0 && audit->most <= LINE_LONGEST;
}

static size_t make(const struct audit *audit, const char *name, uint64_t number)
{
    size_t size = audit->brief ? strcspn(audit->brief, "=") : 0;
    bool is_brief = size > 0 && strncmp(name, audit->brief, size) == 0;
    return line_make_within(name, number, AUDIT_LEAST, is_brief ? audit->brief_most : audit->most,
                            expected);
}

void audit_complain(struct audit *audit, const char *what, const char *bytes, size_t size)
{
    if (audit->has_problem)
        return;
    audit->has_problem = true;
    int used =
        snprintf(audit->problem, sizeof(audit->problem),
                 "line %llu %s: ", (unsigned long long)(audit->lines + audit->notes + 1), what);
    for (size_t i = 0; i < size && i < 200; i++)
        audit->problem[used++] =
            isprint((unsigned char)bytes[i]) && !strchr("\"\\", bytes[i]) ? bytes[i] : '?';
    audit->problem[used] = '\0';
}

static bool is_equal(struct audit_text text, const char *name)
{
    return text.size == strlen(name) && memcmp(text.bytes, name, text.size) == 0;
}

static struct audit_writer *writer_find(struct audit *audit, struct audit_text name)
{
    for (size_t i = 0; i < audit->writer_count; i++)
        if (is_equal(name, audit->writers[i].name))
            return &audit->writers[i];
    if (audit->writer_count == AUDIT_WRITERS || name.size >= AUDIT_NAME_BYTES)
        return NULL;
    struct audit_writer *writer = &audit->writers[audit->writer_count++];
    memcpy(writer->name, name.bytes, name.size);
    return writer;
}

// "<web.1 17 80> ": a line's beginning.
static bool read_head(struct audit_text text, struct audit_text *name, uint64_t *number)
{
    char copy[AUDIT_NAME_BYTES + 64];
    size_t size = text.size < sizeof(copy) - 1 ? text.size : sizeof(copy) - 1;
    memcpy(copy, text.bytes, size);
    copy[size] = '\0';
    char *blank = strchr(copy, ' ');
    if (copy[0] != '<' || !blank)
        return false;
    *name = (struct audit_text){text.bytes + 1, (size_t)(blank - copy) - 1};
    char *end;
    *number = strtoull(blank, &end, 10);
    return *end == ' ' && *number > 0;
}

// A part that has come before comes again.
static bool is_repeated(struct audit *audit, struct audit_writer *writer, struct audit_text text)
{
    size_t most = writer->at > 0 ? writer->at : writer->length;
    const char *found = memmem(expected, most, text.bytes, text.size);
    if (!found)
        return false;
    audit->twice++;
    writer->at = (size_t)(found - expected) + text.size;
    if (writer->at == writer->length)
        writer->at = 0;
    return true;
}

static void audit_rest(struct audit *audit, struct audit_writer *writer, struct audit_text text)
{
    writer->length = make(audit, writer->name, writer->number);
    if (text.size > 0 && writer->at > 0 && text.size <= writer->length - writer->at &&
        memcmp(expected + writer->at, text.bytes, text.size) == 0) {
        writer->at += text.size;
        if (writer->at == writer->length)
            writer->at = 0;
        return;
    }
    if (text.size == 0 || !is_repeated(audit, writer, text))
        audit_complain(audit, "is torn or foreign", text.bytes, text.size);
}

static void audit_head(struct audit *audit, struct audit_writer *writer, uint64_t number,
                       struct audit_text text)
{
    if (writer->at > 0 && number > writer->number)
        audit_complain(audit, "comes before the end of another", text.bytes, text.size);
    writer->number = number;
    writer->length = make(audit, writer->name, number);
    if (text.size > writer->length || memcmp(expected, text.bytes, text.size) != 0)
        audit_complain(audit, "is not as written", text.bytes, text.size);
    writer->at = text.size == writer->length ? 0 : text.size;
    if (number <= writer->seen) {
        audit->twice++;
        return;
    }
    audit->missing += number - writer->seen - 1;
    audit->lines++;
    writer->seen = number;
}

// The formation's own begin with a word, a number or the name of a signal.
static void audit_note(struct audit *audit, struct audit_text text)
{
    char copy[32] = "";
    memcpy(copy, text.bytes, text.size < sizeof(copy) - 1 ? text.size : sizeof(copy) - 1);
    unsigned long long count = 0;
    for (const char *at = copy; isdigit((unsigned char)*at) || *at == ','; at++)
        count = *at == ',' ? count : 10 * count + (unsigned)(*at - '0'); // "1,234 lines were …"
    audit->notes++;
    if (count > 0 && memmem(text.bytes, text.size, "dropped here", strlen("dropped here")))
        audit->told += count;
    else if (count == 0 && !islower((unsigned char)copy[0]) && copy[0] != '/' &&
             !strstr(copy, "SIG"))
        audit_complain(audit, "is foreign", text.bytes, text.size);
}

void audit_message(struct audit *audit, const char *bytes, size_t size)
{
    struct audit_text process, text, name;
    uint64_t number;
    audit->bytes += size;
    if (audit->has_problem)
        return;
    if (!audit->format->read((struct audit_text){bytes, size}, &process, &text)) {
        audit_complain(audit, "is not of the format", bytes, size);
        return;
    }
    bool has_head = read_head(text, &name, &number);
    struct audit_writer *writer = writer_find(audit, has_head ? name : process);
    if (!writer)
        audit_complain(audit, "is one writer too many", bytes, size);
    else if (has_head && process.size > 0 && !is_equal(process, writer->name))
        audit_complain(audit, "is in another's name", bytes, size);
    else if (has_head)
        audit_head(audit, writer, number, text);
    else if (writer->at > 0 || (audit->most > 4096 && !memchr(text.bytes, ' ', text.size)))
        audit_rest(audit, writer, text);
    else
        audit_note(audit, text);
}

void audit_tell(const struct audit *audit)
{
    printf("{\"lines\": %llu, \"bytes\": %llu, \"missing\": %llu, \"told\": %llu, "
           "\"twice\": %llu, \"notes\": %llu, \"overflow\": %llu, ",
           (unsigned long long)audit->lines, (unsigned long long)audit->bytes,
           (unsigned long long)audit->missing, (unsigned long long)audit->told,
           (unsigned long long)audit->twice, (unsigned long long)audit->notes,
           (unsigned long long)audit->overflow);
    printf("\"problem\": \"%s\", \"unfinished\": [", audit->problem);
    const char *comma = "";
    for (size_t i = 0; i < audit->writer_count; i++) {
        if (audit->writers[i].at > 0) {
            printf("%s\"%s\"", comma, audit->writers[i].name);
            comma = ", ";
        }
    }
    printf("], \"writers\": {");
    comma = "";
    for (size_t i = 0; i < audit->writer_count; i++) {
        printf("%s\"%s\": %llu", comma, audit->writers[i].name,
               (unsigned long long)audit->writers[i].seen);
        comma = ", ";
    }
    printf("}}\n");
}
