// SPDX-License-Identifier: MIT
// The look is that of the terminal of `formation start`, so it is asked of the same functions; only
// the time is that of the line, not of now.
#include "cli/printer.h"

#include "cli/reply.h"
#include "manager/load.h"
#include "manager/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The width of the names' column, which depends on names and quantities only.
static unsigned name_width(const json_t *types)
{
    struct process_type *of_plan = calloc(json_array_size(types) + 1, sizeof(*of_plan));
    struct plan plan = {.types = of_plan};
    size_t index;
    const json_t *type;
    unsigned width = 0;
    json_array_foreach(types, index, type)
    {
        if (!of_plan)
            break;
        of_plan[plan.type_count].name = reply_text(type, "name");
        of_plan[plan.type_count++].quantity = (unsigned)reply_integer(type, "quantity");
    }
    width = log_name_width(&plan);
    free(of_plan);
    return width;
}

// What .foreman says of the time counts here, too.
static void choose_look(struct printer *printer)
{
    const struct client *client = printer->client;
    struct options options = client->invocation->options;
    struct diagnostics ignored = {0};
    bool is_terminal = isatty(STDOUT_FILENO);
    (void)load_defaults(&options, (struct arena *)&client->arena, &ignored);
    diagnostics_fini(&ignored);
    const char *format = options.timestamp_format ? options.timestamp_format : "%H:%M:%S";
    printer->time_format = options.no_timestamp ? NULL : format;
    printer->style = (struct log_style){
        .color = show_wants_color(&options, is_terminal),
        .no_prefix = options.no_prefix,
        .no_color = options.color == COLOR_NEVER,
        .tame = is_terminal,
        .width = name_width(printer->types),
    };
}

int printer_init(struct printer *printer, struct client *client)
{
    json_t *reply = NULL;
    *printer = (struct printer){.client = client};
    int status = client_ask(client, "GetStatus", json_object(), &reply);
    printer->types = json_incref(json_object_get(reply, "types"));
    json_decref(reply);
    choose_look(printer);
    return status;
}

void printer_fini(struct printer *printer)
{
    json_decref(printer->types);
    buffer_fini(&printer->out);
}

static unsigned color_of(const struct printer *printer, struct str process)
{
    size_t dot = process.size;
    size_t index;
    const json_t *type;
    while (dot > 0 && process.bytes[dot - 1] != '.')
        dot--;
    struct str name = str_slice(process, 0, dot > 0 ? dot - 1 : 0);
    json_array_foreach(
        printer->types, index,
        type) if (str_equal(reply_text(type, "name"), name)) return log_color((unsigned)index);
    return LOG_COLOR_SYSTEM;
}

static struct str time_text(const struct printer *printer, nsec_t at, char out[LOG_TIME_BYTES + 1])
{
    time_t second = (time_t)(at / NSEC_PER_SEC);
    struct tm local;
    if (!printer->time_format || at == NSEC_NEVER || !localtime_r(&second, &local))
        return str_of("");
    return str_from(out, strftime(out, LOG_TIME_BYTES + 1, printer->time_format, &local));
}

void printer_add(struct printer *printer, nsec_t at, struct str process, struct str text)
{
    char time[LOG_TIME_BYTES + 1];
    struct log_prefix prefix;
    log_prefix_build(&prefix, &printer->style, color_of(printer, process),
                     time_text(printer, at, time), process);
    log_line_append(&printer->out, &prefix, text);
}

void printer_add_cut(struct printer *printer, nsec_t at, struct str process, struct str text)
{
    struct buffer whole = {0};
    buffer_append_str(&whole, text);
    buffer_append_text(&whole, " … (cut)");
    printer_add(printer, at, process, whole.failed ? text : buffer_str(&whole));
    buffer_fini(&whole);
}

void printer_add_lost(struct printer *printer, nsec_t at, long long count, const char *what)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "%lld %s missing here: this reader was too slow", count,
                   what);
    printer_add(printer, at, str_of("system"), str_of(text));
}

int printer_print(struct printer *printer)
{
    return client_print(printer->client, &printer->out);
}

int printer_print_json(const struct client *client, const json_t *reply, const char *name)
{
    json_t *member = json_object_get(reply, name);
    json_t *lost = json_object_get(reply, "lost");
    json_t *shown = member ? json_copy(member) : json_object();
    if (lost)
        (void)json_object_set(shown, "lost", lost);
    int status = client_print_json_line(client, shown);
    json_decref(shown);
    return status;
}
