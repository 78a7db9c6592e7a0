// SPDX-License-Identifier: MIT
// What all engines have in common: a call with one reply is one with several, of which only one
// comes.
#include "engine/engine.h"

#include "base/buffer.h"
#include "engine/class.h"

#include <errno.h>

int engine_open(const struct engine_address *address, nsec_t patience, struct engine **out,
                struct error *error)
{
    return local_open(address, patience > 0 ? patience : ENGINE_PATIENCE, out, error);
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    arena_fini(&engine->arena);
    engine->class->close(engine);
}

static int call(struct engine *engine, const struct engine_request *request, enum engine_way way,
                engine_take *take, void *context, struct error *error)
{
    struct engine_request own = *request;
    if (own.patience <= 0)
        own.patience = ENGINE_PATIENCE;
    engine->refusal = (struct refusal){0};
    arena_fini(&engine->arena);
    if (!json_is_object(own.parameters))
        return error_set(error, EILSEQ, "what is asked for cannot be said in UTF-8");
    return engine->class->call(engine, &own, way, take, context, error);
}

static int keep(void *context, json_t *reply, bool is_last)
{
    (void)is_last; // the class sees to it
    json_t **kept = context;
    *kept = json_incref(reply);
    return 0;
}

int engine_call(struct engine *engine, const struct engine_request *request, json_t **out,
                struct error *error)
{
    json_t *reply = NULL;
    int result = call(engine, request, ENGINE_ONE, keep, &reply, error);
    if (result == 0)
        *out = reply;
    else
        json_decref(reply);
    return result;
}

int engine_call_more(struct engine *engine, const struct engine_request *request, engine_take *take,
                     void *context, struct error *error)
{
    return call(engine, request, ENGINE_MORE, take, context, error);
}

int engine_call_upgrade(struct engine *engine, const struct engine_request *request,
                        int *connection, struct buffer *early, struct error *error)
{
    json_t *reply = NULL;
    if (!engine->class->give_up)
        return error_set(error, ENOSYS, "there is no connection to a process here");
    int result = call(engine, request, ENGINE_UPGRADE, keep, &reply, error);
    json_decref(reply);
    if (result == 0)
        *connection = engine->class->give_up(engine, early);
    return result;
}

const struct refusal *engine_refusal(const struct engine *engine)
{
    return engine->refusal.kind == REFUSAL_NONE ? NULL : &engine->refusal;
}

static int code_of(enum refusal_kind kind)
{
    switch (kind) {
    case REFUSAL_INTERFACE_NOT_FOUND:
    case REFUSAL_METHOD_NOT_FOUND:
    case REFUSAL_METHOD_NOT_IMPLEMENTED:
        return ENOSYS;
    case REFUSAL_INVALID_PARAMETER:
    case REFUSAL_INVALID_CHANGE:
        return EINVAL;
    case REFUSAL_PERMISSION_DENIED:
        return EPERM;
    case REFUSAL_UNKNOWN_PROCESS:
        return ENOENT;
    case REFUSAL_TOO_MANY:
        return E2BIG;
    case REFUSAL_ENDING:
        return ESHUTDOWN;
    case REFUSAL_ROLL_HALTED:
        return ECANCELED;
    case REFUSAL_INVALID_FILES:
        return EBADF;
    case REFUSAL_NONE:
    case REFUSAL_EXPECTED_MORE:
    case REFUSAL_FAILED:
    case REFUSAL_INVALID_MESSAGE:
    case REFUSAL_KIND_COUNT:
        break;
    }
    return EREMOTEIO;
}

// A copy without memory has no findings: the refusal is told all the same.
static struct str_list copy_findings(struct arena *arena, struct str_list findings)
{
    struct str *items = arena_alloc(arena, findings.count * sizeof(*items));
    for (size_t i = 0; items && i < findings.count; i++)
        if (arena_str(arena, findings.items[i], &items[i]) < 0)
            items = NULL;
    return items ? (struct str_list){items, findings.count} : (struct str_list){0};
}

int engine_refuse(struct engine *engine, const struct refusal *refusal, struct error *error)
{
    struct buffer sentence = {0};
    engine->refusal = *refusal;
    engine->refusal.findings = copy_findings(&engine->arena, refusal->findings);
    refusal_sentence(refusal, &sentence);
    int result = error_set(error, code_of(refusal->kind), "%.*s", STR_ARGS(buffer_str(&sentence)));
    buffer_fini(&sentence);
    return result;
}
