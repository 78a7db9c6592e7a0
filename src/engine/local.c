// SPDX-License-Identifier: MIT
// The formation of this machine: Varlink over its control socket. One connection carries one call
// at a time, so what comes is always the answer to what was asked last; after any failure that is
// not a refusal nobody knows what would come next, and the connection is of no more use.
#include "engine/class.h"

#include "base/limits.h"
#include "control/interface.h"
#include "control/varlink.h"
#include "engine/connection.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/place.h"
#include "os/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct local {
    struct engine engine;
    struct connection connection;
    bool is_broken;
    pid_t pid;  // of the one that listens; 0: not known
    char *name; // "the formation of /srv/shop"
};

static nsec_t deadline_after(nsec_t patience)
{
    nsec_t now = clock_now();
    return patience >= NSEC_NEVER - now ? NSEC_NEVER : now + patience;
}

// --- a call --------------------------------------------------------------------------------------

static int tell(const struct local *local, int result, nsec_t patience, struct error *error)
{
    char waited[DURATION_TEXT_BYTES];
    char process[32] = "";
    const char *name = local->name;
    switch (-result) {
    case ETIMEDOUT:
        if (local->pid > 0)
            (void)snprintf(process, sizeof(process), " (process %d)", local->pid);
        return error_set(error, ETIMEDOUT, "%s%s did not answer within %s", name, process,
                         duration_format(patience, waited));
    case ECONNRESET:
        return error_set(error, ECONNRESET, "%s closed the connection before it answered", name);
    case EMSGSIZE:
        return error_set(error, EMSGSIZE, "%s answered more than %d MiB", name,
                         LIMIT_REPLY_BYTES >> 20);
    case ENOMEM:
        return error_set(error, ENOMEM, "not enough memory for what %s answers", name);
    case ENOTCONN:
        return error_set(error, ENOTCONN, "the connection to %s has failed", name);
    default:
        return error_set(error, -result, "%s cannot be asked: %s", name, strerror(-result));
    }
}

// The call as bytes, its NUL included.
static int write_call(const struct engine_request *request, enum engine_way way, struct buffer *out)
{
    bool is_full = strchr(request->method, '.');
    json_t *message = json_pack("{s:s+, s:O}", "method", is_full ? "" : INTERFACE_MANAGER ".",
                                request->method, "parameters", request->parameters);
    if (message && way == ENGINE_MORE)
        (void)json_object_set_new(message, "more", json_true());
    if (message && way == ENGINE_UPGRADE)
        (void)json_object_set_new(message, "upgrade", json_true());
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    if (!text)
        return -ENOMEM;
    buffer_append(out, text, strlen(text) + 1);
    free(text);
    return out->failed ? -ENOMEM : 0;
}

static int send_call(struct local *local, const struct engine_request *request, enum engine_way way)
{
    struct buffer bytes = {0};
    int result = write_call(request, way, &bytes);
    if (result == 0)
        result = connection_send(&local->connection, buffer_str(&bytes),
                                 deadline_after(request->patience));
    buffer_fini(&bytes);
    return result == -EPIPE ? 0 : result; // what it said before it left is still to be read
}

static int refuse(struct local *local, const struct varlink_reply *reply, struct error *error)
{
    struct refusal refusal;
    struct arena arena = {0};
    (void)refusal_read(reply, &arena, &refusal);
    int result = engine_refuse(&local->engine, &refusal, error);
    arena_fini(&arena);
    return result;
}

static int give(const struct varlink_reply *reply, engine_take *take, void *context)
{
    json_t *parameters =
        reply->parameters ? json_incref((json_t *)(size_t)reply->parameters) : json_object();
    int result = take(context, parameters, !reply->continues);
    json_decref(parameters);
    return result;
}

// Takes one reply. 0 and whether it was the last one of a call that is done with.
static int take_reply(struct local *local, const struct engine_request *request,
                      enum engine_way way, engine_take *take, void *context, bool *is_last,
                      struct error *error)
{
    struct varlink_reply reply;
    struct error fault = {0};
    struct str message;
    int result = connection_next(&local->connection, LIMIT_REPLY_BYTES,
                                 deadline_after(request->patience), &message);
    if (result < 0)
        return tell(local, result, request->patience, error);
    result = varlink_reply_parse(message, &reply, &fault);
    if (result == -ENOMEM)
        return tell(local, result, request->patience, error);
    if (result < 0)
        return error_set(error, EPROTO, "%s answered something else than Varlink: %s", local->name,
                         fault.text);
    *is_last = reply.error.size > 0 || !reply.continues;
    if (*is_last && way != ENGINE_UPGRADE && connection_has_rest(&local->connection))
        result = error_set(error, EPROTO, "%s answered more than was asked", local->name);
    else if (reply.error.size > 0)
        result = refuse(local, &reply, error);
    else if (reply.continues && way != ENGINE_MORE)
        result = error_set(error, EPROTO, "%s began several answers to one question", local->name);
    else
        result = give(&reply, take, context);
    varlink_reply_fini(&reply);
    return result;
}

static int local_call(struct engine *engine, const struct engine_request *request,
                      enum engine_way way, engine_take *take, void *context, struct error *error)
{
    struct local *local = (struct local *)engine;
    bool is_last = false;
    if (local->is_broken)
        return tell(local, -ENOTCONN, 0, error);
    int result = send_call(local, request, way);
    if (result < 0)
        result = tell(local, result, request->patience, error);
    while (result == 0 && !is_last)
        result = take_reply(local, request, way, take, context, &is_last, error);
    local->is_broken = !is_last || result == -EPROTO;
    return result;
}

static int local_give_up(struct engine *engine, struct buffer *early)
{
    struct local *local = (struct local *)engine;
    int fd = local->connection.fd;
    connection_give_up(&local->connection, early);
    local->is_broken = true;
    return fd;
}

static void local_close(struct engine *engine)
{
    struct local *local = (struct local *)engine;
    connection_fini(&local->connection);
    free(local->name);
    free(local);
}

static const struct engine_class local_class = {
    .name = "local",
    .call = local_call,
    .give_up = local_give_up,
    .close = local_close,
};

// --- finding it ----------------------------------------------------------------------------------

// Takes `fd`. NULL: no memory.
static struct engine *new_local(int fd, const char *name, const struct socket_peer *peer)
{
    struct local *local = calloc(1, sizeof(*local));
    if (local)
        local->name = strdup(name);
    if (!local || !local->name) {
        free(local);
        (void)close(fd);
        return NULL;
    }
    local->engine.class = &local_class;
    local->pid = peer->pid;
    connection_init(&local->connection, fd);
    return &local->engine;
}

// Connects to what listens at `path`. Root may talk to everybody; others only to themselves and to
// root, lest another user plants a socket in the folder.
static int connect_to(const char *path, const char *name, nsec_t patience, struct engine **out)
{
    struct socket_peer peer;
    int fd;
    int result = socket_connect(path, patience, &fd);
    if (result < 0)
        return result;
    result = socket_read_peer(fd, &peer);
    if (result == 0 && !socket_peer_is_trusted(&peer) && geteuid() != 0)
        result = -EACCES;
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    *out = new_local(fd, name, &peer);
    return *out ? 0 : -ENOMEM;
}

// The folder that a formation says it is of, or the path of its socket if it does not say.
static void append_root(struct engine *engine, const char *path, struct buffer *out)
{
    json_t *none = json_object();
    json_t *status = NULL;
    const struct engine_request request = {"GetStatus", none, NSEC_PER_SEC};
    const char *root = NULL;
    if (engine_call(engine, &request, &status, NULL) == 0)
        root = json_string_value(json_object_get(status, "root"));
    if (out->size > 0)
        buffer_append_text(out, ", ");
    buffer_append_text(out, root ? root : path);
    json_decref(status);
    json_decref(none);
}

// What came of looking at all sockets that a formation may have.
struct search {
    struct engine *found;
    const char *path;    // of `found`
    struct buffer roots; // all that were found, once they are several
    int worst;           // why one could not be asked that may be there
};

static void search_look(struct search *search, const char *path, const char *name, nsec_t patience)
{
    struct engine *engine;
    int result = connect_to(path, name, patience, &engine);
    if (result == -ENOENT || result == -ECONNREFUSED || result == -ENOTSOCK)
        return; // left by one that is gone
    if (result < 0) {
        search->worst = result;
        return;
    }
    if (!search->found) {
        search->found = engine;
        search->path = path;
        return;
    }
    if (search->roots.size == 0)
        append_root(search->found, search->path, &search->roots);
    append_root(engine, path, &search->roots);
    engine_close(engine);
}

static int none_runs(const struct engine_address *address, const char *name, struct error *error)
{
    if (address->app && !getenv("XDG_RUNTIME_DIR"))
        return error_set(error, ENOENT,
                         "%s does not run, or not with a socket that can be found by name: "
                         "XDG_RUNTIME_DIR is not set",
                         name);
    return error_set(error, ENOENT, "%s does not run", name);
}

static int search_end(struct search *search, const struct engine_address *address, const char *name,
                      nsec_t patience, struct engine **out, struct error *error)
{
    char waited[DURATION_TEXT_BYTES];
    int result = 0;
    if (search->roots.size > 0)
        result = error_set(error, EEXIST, "%s runs several times, say of which folder: %.*s", name,
                           STR_ARGS(buffer_str(&search->roots)));
    else if (search->found)
        *out = search->found;
    else if (search->worst == -EACCES || search->worst == -EPERM)
        result = error_set(error, EACCES,
                           "%s is another user's: only that user may ask it, or root", name);
    else if (search->worst == -ETIMEDOUT)
        result = error_set(error, ETIMEDOUT, "%s took no connection within %s", name,
                           duration_format(patience, waited));
    else if (search->worst < 0)
        result = error_set(error, -search->worst, "%s cannot be asked: %s", name,
                           strerror(-search->worst));
    else
        result = none_runs(address, name, error);
    if (result < 0)
        engine_close(search->found);
    buffer_fini(&search->roots);
    return result;
}

static int search_all(const struct engine_address *address, const char *folder, const char *name,
                      nsec_t patience, struct engine **out, struct error *error)
{
    struct place_list list = {0};
    struct search search = {0};
    int result = address->app ? place_find_app(address->app, &list) : place_find(folder, &list);
    if (result < 0)
        return error_set(error, -result, "%s cannot be looked for: %s", name, strerror(-result));
    for (size_t i = 0; i < list.count; i++)
        search_look(&search, list.paths[i], name, patience);
    result = search_end(&search, address, name, patience, out, error);
    place_list_fini(&list);
    return result;
}

int local_open(const struct engine_address *address, nsec_t patience, struct engine **out,
               struct error *error)
{
    struct buffer name = {0};
    const char *called = address->folder ? address->folder : ".";
    char *folder = file_absolute_path(called);
    int result = 0;
    if (!address->app && !folder)
        result = error_set(error, errno, "%s: %s", called, strerror(errno));
    else if (!address->app && !file_exists(folder))
        result = error_set(error, ENOENT, "%s does not exist", folder);
    buffer_append_text(&name, address->app ? "the formation " : "the formation of ");
    buffer_append_text(&name, address->app ? address->app : folder ? folder : called);
    buffer_append_char(&name, '\0');
    if (result == 0)
        result = name.failed ? error_set(error, ENOMEM, "not enough memory")
                             : search_all(address, folder, name.bytes, patience, out, error);
    buffer_fini(&name);
    free(folder);
    return result;
}
