// SPDX-License-Identifier: MIT
// Sentences come from the engine and from the formation's refusals; here is only where they are
// told and which exit status goes with them.
#include "cli/client.h"

#include "cli/report.h"
#include "manager/load.h"
#include "os/clock.h"
#include "os/file.h"
#include "view/tame.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Whole numbers of microseconds since 1970 need so many digits.
#define JSON_FORM JSON_REAL_PRECISION(16)

// --- finding it ----------------------------------------------------------------------------------

// The root of the app, as `start` finds it: -d, else the folder of the Procfile that .foreman
// names.
static const char *find_folder(struct client *client)
{
    struct options options = client->invocation->options;
    struct diagnostics ignored = {0};
    const char *folder = options.root;
    if (load_defaults(&options, &client->arena, &ignored) == 0 && !folder) {
        const char *slash = options.procfile ? strrchr(options.procfile, '/') : NULL;
        folder = options.root;
        if (!folder && slash)
            folder = arena_text(&client->arena,
                                str_from(options.procfile, (size_t)(slash + 1 - options.procfile)));
    }
    diagnostics_fini(&ignored);
    return folder;
}

int client_try(struct client *client, struct invocation *invocation, nsec_t patience,
               struct error *error)
{
    *client = (struct client){.invocation = invocation};
    client->address.app = invocation->client.app;
    client->address.folder = client->address.app ? NULL : find_folder(client);
    return engine_open(&client->address, patience, &client->engine, error);
}

static int tell_none_runs(const struct client *client, const char *sentence)
{
    const char *folder = client->address.folder;
    struct buffer text = {0};
    if (folder && !file_exists(folder))
        return report_usage(&client->invocation->options, sentence);
    buffer_append_text(&text, sentence);
    if (str_ends_with(str_of(sentence), "does not run")) {
        buffer_append_text(&text, ": 'formation start");
        if (folder)
            buffer_append_format(&text, " -d %s", folder);
        buffer_append_format(&text, "'%s starts it", client->address.app ? " in its folder" : "");
    }
    buffer_append_char(&text, '\0');
    (void)report_usage(&client->invocation->options, text.failed ? sentence : text.bytes);
    buffer_fini(&text);
    return STATUS_NONE_RUNS;
}

// SIGTERM ends who follows or waits, whatever it was started with. SIGINT that is ignored from the
// start stays so, as a shell without job control wants it for what runs in its background.
static void hear_the_end(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int client_open(struct client *client, struct invocation *invocation)
{
    struct error error = {0};
    int result = client_try(client, invocation, 0, &error);
    if (result == 0) {
        hear_the_end();
        return 0;
    }
    if (result == -ENOENT)
        return tell_none_runs(client, error.text);
    return client_refuse(client, "%s", error.text);
}

void client_close(struct client *client)
{
    engine_close(client->engine);
    arena_fini(&client->arena);
    *client = (struct client){0};
}

// --- asking it -----------------------------------------------------------------------------------

int client_refuse(const struct client *client, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    (void)report_usage(&client->invocation->options, sentence);
    return STATUS_REFUSED;
}

// Mistakes in the files are told as `check` tells them, one a line.
static void tell_findings(const struct refusal *refusal)
{
    struct buffer lines = {0};
    refusal_sentence(refusal, &lines);
    (void)fprintf(stderr, "%.*s\n", STR_ARGS(buffer_str(&lines)));
    buffer_fini(&lines);
}

int client_tell(const struct client *client, int result, const struct error *error)
{
    const struct refusal *refusal = engine_refusal(client->engine);
    if (result == -EILSEQ)
        return report_usage(&client->invocation->options, error->text);
    if (!refusal || refusal->kind != REFUSAL_INVALID_FILES || refusal->findings.count == 0)
        return client_refuse(client, "%s", error->text);
    tell_findings(refusal);
    return client_refuse(client, "the files have mistakes: nothing was changed");
}

// After an answer that never came the connection is of no more use.
int client_open_again(struct client *client)
{
    struct error error = {0};
    engine_close(client->engine);
    client->engine = NULL;
    int result = engine_open(&client->address, 0, &client->engine, &error);
    if (result == -ENOENT)
        return tell_none_runs(client, error.text);
    return result < 0 ? client_refuse(client, "%s", error.text) : 0;
}

int client_ask(struct client *client, const char *method, json_t *parameters, json_t **out)
{
    const struct engine_request request = {.method = method, .parameters = parameters};
    struct error error = {0};
    int status = 0;
    int result = engine_call(client->engine, &request, out, &error);
    const nsec_t until = clock_now() + CLIENT_ASKS_AGAIN_FOR;
    while (status == 0 && result == -ECONNRESET && clock_now() < until) {
        status = client_open_again(client);
        if (status == 0)
            result = engine_call(client->engine, &request, out, &error);
    }
    if (status == 0 && result < 0)
        status = client_tell(client, result, &error);
    json_decref(parameters);
    return status;
}

int client_call(struct client *client, const char *method, json_t *parameters, json_t **out)
{
    const struct engine_request request = {.method = method, .parameters = parameters};
    struct error error = {0};
    int result = engine_call(client->engine, &request, out, &error);
    json_decref(parameters);
    return result < 0 ? client_tell(client, result, &error) : 0;
}

int client_upgrade(struct client *client, const char *method, json_t *parameters, int *connection,
                   struct buffer *early)
{
    const struct engine_request request = {.method = method, .parameters = parameters};
    struct error error = {0};
    int result = engine_call_upgrade(client->engine, &request, connection, early, &error);
    json_decref(parameters);
    return result < 0 ? client_tell(client, result, &error) : 0;
}

// It was decided whole or not at all, and only who asked for it can see which.
static int tell_cut(struct client *client)
{
    int status = client_open_again(client);
    return status != 0 ? status
                       : client_refuse(client, "the manager was replaced before it answered; "
                                               "'formation ps' shows whether it was done");
}

int client_change(struct client *client, const char *method, json_t *parameters, json_t **out)
{
    bool is_cut;
    int status = client_change_or_cut(client, method, parameters, out, &is_cut);
    return is_cut ? tell_cut(client) : status;
}

int client_change_or_cut(struct client *client, const char *method, json_t *parameters,
                         json_t **out, bool *is_cut)
{
    const bool waits = !client->invocation->client.no_wait;
    const struct engine_request request = {
        .method = method,
        .parameters = parameters,
        .patience = waits ? NSEC_NEVER : 0,
    };
    struct error error = {0};
    if (parameters)
        (void)json_object_set_new(parameters, "wait", json_boolean(waits));
    int result = engine_call(client->engine, &request, out, &error);
    json_decref(parameters);
    *is_cut = result == -ECONNRESET;
    return result < 0 && !*is_cut ? client_tell(client, result, &error) : 0;
}

int client_stream(struct client *client, const char *method, json_t *parameters, nsec_t patience,
                  engine_take *take, void *context)
{
    const struct engine_request request = {method, parameters, patience};
    struct error error = {0};
    int result = engine_call_more(client->engine, &request, take, context, &error);
    json_decref(parameters);
    if (result == -ECONNRESET)
        return tell_cut(client);
    return result < 0 ? client_tell(client, result, &error) : result;
}

json_t *client_select(const struct client *client, size_t first)
{
    const struct invocation *invocation = client->invocation;
    json_t *names = json_array();
    for (size_t i = first; i < invocation->operand_count; i++)
        if (json_array_append_new(names, json_string(invocation->operands[i])) < 0) {
            json_decref(names);
            return NULL; // the engine says what is wrong with them
        }
    return json_pack("{s:o}", "select", names);
}

// --- showing it ----------------------------------------------------------------------------------

static int flush(const struct client *client)
{
    return fflush(stdout) != 0 ? report_lost_output(&client->invocation->options) : 0;
}

int client_print_json(const struct client *client, const json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_FORM | JSON_INDENT(2));
    (void)putchar('\n');
    return flush(client);
}

int client_print_json_line(const struct client *client, const json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_FORM | JSON_COMPACT);
    (void)putchar('\n');
    return flush(client);
}

int client_print(const struct client *client, struct buffer *out)
{
    if (out->failed)
        return client_refuse(client, "there is no memory left");
    (void)fwrite(out->bytes, 1, out->size, stdout);
    buffer_clear(out);
    return flush(client);
}

void client_append(struct buffer *out, struct str text)
{
    bool is_colored = false;
    if (!isatty(STDOUT_FILENO)) {
        buffer_append_str(out, text);
        return;
    }
    (void)tame_append(out, tame_last_state(text), true, &is_colored);
    if (is_colored)
        buffer_append_text(out, "\033[0m");
}

unsigned client_columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col > 0 ? size.ws_col : 80;
}
