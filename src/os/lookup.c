// SPDX-License-Identifier: MIT
// What the child says fits its pipe, so nobody has to read before it has ended.
#include "os/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = INET6_ADDRSTRLEN + 16 + 2, ANSWER_BYTES = LOOKUP_MOST * LINE_BYTES };

// --- the child

static bool is_known(const union lookup_address *addresses, size_t count,
                     const struct addrinfo *found)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&addresses[i], found->ai_addr, found->ai_addrlen) == 0)
            return true;
    return false;
}

int lookup_print(const char *host)
{
    union lookup_address addresses[LOOKUP_MOST] = {0};
    size_t count = 0;
    struct addrinfo *found = NULL;
    char text[LINE_BYTES];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result != 0) {
        (void)fprintf(stderr, "%s\n",
                      result == EAI_SYSTEM ? strerror(errno) : gai_strerror(result));
        return 1;
    }
    for (const struct addrinfo *at = found; at && count < LOOKUP_MOST; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(addresses[0]) || is_known(addresses, count, at) ||
            getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
            continue;
        memcpy(&addresses[count++], at->ai_addr, at->ai_addrlen);
        (void)puts(text);
    }
    freeaddrinfo(found);
    return 0;
}

// --- who asks

socklen_t lookup_address_size(const union lookup_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->six) : sizeof(address->four);
}

bool lookup_parse(const char *text, union lookup_address *out)
{
    union lookup_address address = {.four.sin_family = AF_INET};
    char bare[INET6_ADDRSTRLEN];
    const char *scope = strchr(text, '%');
    if (inet_pton(AF_INET, text, &address.four.sin_addr) == 1) {
        *out = address;
        return true;
    }
    (void)snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(text, "%"), text);
    address = (union lookup_address){.six.sin6_family = AF_INET6};
    if (inet_pton(AF_INET6, bare, &address.six.sin6_addr) != 1)
        return false;
    if (scope) // of an address that is of one link only: "fe80::1%eth0"
        address.six.sin6_scope_id = if_nametoindex(scope + 1);
    *out = address;
    return !scope || address.six.sin6_scope_id > 0;
}

static void read_answer(struct lookup *lookup)
{
    char answer[ANSWER_BYTES + 1];
    char *rest = NULL;
    bool has_failed = lookup->check.wait_status != 0;
    ssize_t size = read(lookup->answers, answer, ANSWER_BYTES);
    answer[size > 0 ? size : 0] = '\0';
    char *line = strtok_r(answer, "\n", &rest);
    size_t count = 0;
    (void)snprintf(lookup->failure, sizeof(lookup->failure), "%s",
                   has_failed && line ? line : "the look for its address has failed");
    for (; !has_failed && line && count < LOOKUP_MOST; line = strtok_r(NULL, "\n", &rest))
        count += lookup_parse(line, &lookup->addresses[count]);
    if (count == 0)
        return;
    lookup->count = count;
    lookup->failure[0] = '\0';
}

static void on_end(struct check *check)
{
    struct lookup *lookup = loop_owner(check, struct lookup, check);
    (void)lookup_has_ended(lookup);
}

bool lookup_has_ended(struct lookup *lookup)
{
    if (!lookup->is_running)
        return true;
    check_wait(&lookup->check, 0);
    if (!lookup->check.has_ended)
        return false;
    read_answer(lookup);
    (void)close(lookup->answers);
    lookup->is_running = false;
    return true;
}

static int spawn(struct lookup *lookup, struct loop *loop, const char *program, const char *host,
                 int null, int answers)
{
    char name[] = "formation";
    char word[] = "lookup";
    char *argv[] = {name, word, (char *)host, NULL};
    enum spawn_stage stage;
    const struct spawn_request request = {
        .program = program,
        .argv = argv,
        .envp = environ,
        .descriptors = {null, answers, answers},
        .descriptor_count = 3,
        .cgroup_fd = -1,
        .new_session = true,
        .death_signal = SIGKILL,
        .is_unprepared = true,
    };
    return check_begin(&lookup->check, loop, &request, on_end, &stage);
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

int lookup_begin(struct lookup *lookup, struct loop *loop, const char *program, const char *host)
{
    int ends[2];
    if (lookup->is_running)
        return 0;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    int answers = lift(ends[1]);
    int null = answers < 0 ? -1 : lift(open("/dev/null", O_RDWR | O_CLOEXEC));
    int result = null < 0 ? -errno : spawn(lookup, loop, program, host, null, answers);
    if (null >= 0)
        (void)close(null);
    if (answers >= 0)
        (void)close(answers);
    if (result < 0) {
        (void)close(ends[0]);
        return result;
    }
    lookup->answers = ends[0];
    lookup->is_running = true;
    return 0;
}

void lookup_cancel(struct lookup *lookup)
{
    enum { PATIENCE_MS = 1000 };
    if (!lookup->is_running)
        return;
    check_kill(&lookup->check);
    check_wait(&lookup->check, PATIENCE_MS);
    if (!lookup->check.has_ended) { // hangs in the kernel
        loop_remove(lookup->check.loop, &lookup->check.source);
        (void)close(lookup->check.source.fd);
    }
    (void)close(lookup->answers);
    lookup->is_running = false;
}
