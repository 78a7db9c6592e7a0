// SPDX-License-Identifier: MIT
// A queue of paths and one check (os/check.h): the first path is the one at work. The child dies
// with its parent, so the next manager meets nobody at work; what is left over it finds by name.
#include "os/compressor.h"

#include "base/error.h"
#include "base/limits.h"
#include "os/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILURE_BYTES = sizeof(((struct error *)0)->text) };

int compressor_open(struct compressor *compressor, struct loop *loop, const char *program,
                    compressor_done *done)
{
    *compressor = (struct compressor){.loop = loop, .program = program, .done = done, .errors = -1};
    compressor->paths = calloc(LIMIT_COMPRESSIONS, sizeof(*compressor->paths));
    return compressor->paths ? 0 : -ENOMEM;
}

static char *take(struct compressor *compressor, size_t index)
{
    char *path = compressor->paths[index];
    compressor->count--;
    memmove(compressor->paths + index, compressor->paths + index + 1,
            (compressor->count - index) * sizeof(*compressor->paths));
    return path;
}

// What the child has said of its failure, or the little that its end says.
static void read_failure(const struct compressor *compressor, char out[FAILURE_BYTES])
{
    int status = compressor->check.wait_status;
    ssize_t size = read(compressor->errors, out, FAILURE_BYTES - 1);
    while (size > 0 && out[size - 1] == '\n')
        size--;
    if (size > 0)
        out[size] = '\0';
    else if (WIFSIGNALED(status))
        (void)snprintf(out, FAILURE_BYTES, "%s is not compressed: that was killed by signal %d",
                       compressor->paths[0], WTERMSIG(status));
    else
        (void)snprintf(out, FAILURE_BYTES, "%s is not compressed: that ended with code %d",
                       compressor->paths[0], WEXITSTATUS(status));
}

static void on_end(struct check *check);

static int spawn(struct compressor *compressor, int null, int errors)
{
    char name[] = "formation";
    char word[] = "compress";
    char *argv[] = {name, word, compressor->paths[0], NULL};
    enum spawn_stage stage;
    const struct spawn_request request = {
        .program = compressor->program,
        .argv = argv,
        .envp = environ,
        .descriptors = {null, null, errors},
        .descriptor_count = 3,
        .cgroup_fd = -1,
        .new_session = true,
        .death_signal = SIGKILL,
        .is_unprepared = true,
    };
    return check_begin(&compressor->check, compressor->loop, &request, on_end, &stage);
}

// A descriptor above those that it is to become.
static int lift(int fd)
{
    int lifted = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = code;
    return lifted;
}

static int begin(struct compressor *compressor)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    int errors = lift(ends[1]);
    int null = errors < 0 ? -1 : lift(open("/dev/null", O_RDWR | O_CLOEXEC));
    int result = null < 0 ? -errno : spawn(compressor, null, errors);
    if (null >= 0)
        (void)close(null);
    if (errors >= 0)
        (void)close(errors);
    if (result < 0) {
        (void)close(ends[0]);
        return result;
    }
    compressor->errors = ends[0];
    compressor->is_running = true;
    return 0;
}

static void tell(struct compressor *compressor, const char *failure)
{
    char *path = take(compressor, 0);
    compressor->done(compressor, path, failure);
    free(path);
}

static void on_end(struct check *check)
{
    struct compressor *compressor = loop_owner(check, struct compressor, check);
    char failure[FAILURE_BYTES];
    bool has_failed = check->wait_status != 0;
    if (has_failed)
        read_failure(compressor, failure);
    if (WIFSIGNALED(check->wait_status)) // else it has cleared up
        compress_discard(compressor->paths[0]);
    (void)close(compressor->errors);
    compressor->errors = -1;
    compressor->is_running = false;
    tell(compressor, has_failed ? failure : NULL);
    while (compressor->count > 0 && !compressor->is_running) {
        int result = begin(compressor);
        if (result == 0)
            break;
        (void)snprintf(failure, sizeof(failure),
                       "%s is not compressed: no process can be started"
                       " for it: %s",
                       compressor->paths[0], strerror(-result));
        tell(compressor, failure);
    }
}

int compressor_add(struct compressor *compressor, const char *path)
{
    for (size_t i = 0; i < compressor->count; i++)
        if (strcmp(compressor->paths[i], path) == 0)
            return 0;
    if (compressor->count == LIMIT_COMPRESSIONS)
        return -ENOBUFS;
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    compressor->paths[compressor->count++] = copy;
    int result = compressor->is_running ? 0 : begin(compressor);
    if (result < 0)
        free(take(compressor, compressor->count - 1));
    return result;
}

void compressor_close(struct compressor *compressor)
{
    enum { PATIENCE_MS = 3000 }; // nice as it is, it gets little of a busy processor to end with
    if (compressor->is_running) {
        check_kill(&compressor->check);
        check_wait(&compressor->check, PATIENCE_MS);
        if (!compressor->check.has_ended) { // hangs in the kernel
            loop_remove(compressor->loop, &compressor->check.source);
            (void)close(compressor->check.source.fd);
        } else
            compress_discard(compressor->paths[0]);
        (void)close(compressor->errors);
    }
    while (compressor->count > 0)
        free(take(compressor, compressor->count - 1));
    free(compressor->paths);
    *compressor = (struct compressor){.errors = -1};
}
