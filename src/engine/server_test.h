// SPDX-License-Identifier: MIT
// For tests: a formation in a child, which answers as it is told to, and calls to it.
#pragma once

#include "engine/engine.h"
#include "os/place.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// With its final NUL.
#define MESSAGE(text) text, sizeof(text)

static char folder[] = "/tmp/formation-engine-XXXXXX";

static inline int enter_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder) || chdir(folder) < 0 || mkdir("shop", 0755) < 0 ||
           setenv("XDG_RUNTIME_DIR", folder, 1) < 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

#define ERROR(name, parameters) "{\"error\":\"org." name "\",\"parameters\":" parameters "}"

// --- the formation in the child ------------------------------------------------------------------

// Answers on one connection.
typedef void serve(int fd);

struct server {
    pid_t pid;
    int asked; // all that it was asked
    struct engine *engine;
};

static int told = -1; // the other end of `asked`

// Reads one call. false: the client has gone.
static inline bool take_call(int fd)
{
    char c;
    while (read(fd, &c, 1) == 1) {
        (void)!write(told, &c, 1);
        if (c == '\0')
            return true;
    }
    return false;
}

static inline void answer(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count <= 0)
            return;
        bytes += count;
        size -= (size_t)count;
    }
}

static inline struct server start(serve *act)
{
    struct server server = {0};
    struct error error = {0};
    int ends[2];
    int listener = -1;
    if (place_listen("shop", NULL, 8, &listener, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(pipe(ends), 0);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // also when a test fails
        (void)signal(SIGPIPE, SIG_IGN);
        (void)fcntl(listener, F_SETFL, 0);
        told = ends[1];
        int fd = accept(listener, NULL, NULL);
        act(fd);
        _exit(0);
    }
    server.asked = ends[0];
    (void)close(ends[1]);
    (void)close(listener);
    if (engine_open(&(struct engine_address){.folder = "shop"}, 0, &server.engine, &error) < 0)
        fail_msg("%s", error.text);
    return server;
}

static inline void stop(struct server *server)
{
    engine_close(server->engine);
    assert_int_equal(kill(server->pid, SIGKILL), 0);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    (void)close(server->asked);
}

static inline void expect_asked(const struct server *server, const char *wanted)
{
    char got[256] = "";
    for (size_t i = 0; i < sizeof(got) - 1; i++) {
        assert_int_equal(read(server->asked, got + i, 1), 1);
        if (got[i] == '\0')
            break;
    }
    assert_string_equal(got, wanted);
}

// --- asking --------------------------------------------------------------------------------------

static inline int ask_for(struct server *server, nsec_t patience, json_t **out, struct error *error)
{
    json_t *parameters = json_pack("{s:[s]}", "changes", "web=3");
    const struct engine_request request = {"Scale", parameters, patience};
    int result = engine_call(server->engine, &request, out, error);
    json_decref(parameters);
    return result;
}

static inline void expect_number(const json_t *reply, int wanted)
{
    assert_true(json_is_object(reply));
    assert_int_equal(json_integer_value(json_object_get(reply, "n")), wanted);
}

struct count {
    int replies;
    bool is_ended;
    int stop_at;
};

static inline int count_reply(void *context, json_t *reply, bool is_last)
{
    struct count *count = context;
    assert_false(count->is_ended);
    expect_number(reply, ++count->replies);
    count->is_ended = is_last;
    return count->replies == count->stop_at ? -ECANCELED : 0;
}

static inline int ask_for_more(struct server *server, nsec_t patience, struct count *count,
                               struct error *error)
{
    json_t *none = json_object();
    const struct engine_request request = {"Logs", none, patience};
    int result = engine_call_more(server->engine, &request, count_reply, count, error);
    json_decref(none);
    return result;
}

static const char three[] = "{\"parameters\":{\"n\":1},\"continues\":true}\0"
                            "{\"continues\":true,\"parameters\":{\"n\":2}}\0"
                            "{\"parameters\":{\"n\":3},\"continues\":false}";
