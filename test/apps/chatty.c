// SPDX-License-Identifier: MIT
// Writes numbered lines of 1 byte to 2 MB in writes that end anywhere, may crash between lines, and
// goes on where it was when started again: together with checker, the proof that no line is lost.
//
//   chatty LINES [--crash EVERY] [--unfinished] [--state FILE]
//          [--least BYTES] [--name NAME] [--pause MICROSECONDS] [--stay]
//
// --crash ends it about every so many lines, in turn by SIGKILL, by abort and by exit code 3;
// --unfinished leaves out the newline of the last line before a crash. When all is written it
// exits with 0, or with --stay sleeps until a signal. --pause comes after each larger write.
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PENDING_BYTES = 64 * 1024 };

static char pending[PENDING_BYTES];
static size_t pending_size;
static struct timespec write_pause;

static void flush(void)
{
    for (size_t done = 0; done < pending_size;) {
        ssize_t wrote = write(STDOUT_FILENO, pending + done, pending_size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            perror("chatty");
            exit(1);
        }
        done += (size_t)wrote;
    }
    if (write_pause.tv_nsec > 0 && pending_size >= 4096)
        nanosleep(&write_pause, NULL);
    pending_size = 0;
}

// Flushes wherever `limit` bytes are reached, in the middle of a line as well.
static void put(const char *bytes, size_t size, size_t limit)
{
    while (size > 0) {
        size_t part = size < limit - pending_size ? size : limit - pending_size;
        memcpy(pending + pending_size, bytes, part);
        pending_size += part;
        bytes += part;
        size -= part;
        if (pending_size == limit)
            flush();
    }
}

// The number of lines already written: in a mapped file it outlives a SIGKILL.
static uint64_t *state_open(const char *path)
{
    static uint64_t own;
    if (!path)
        return &own;
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    uint64_t *state = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *state) == 0)
        state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    return state;
}

static void crash(uint64_t kind)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (kind % 3 == 0)
        kill(getpid(), SIGKILL);
    if (kind % 3 == 1)
        abort();
    _exit(3);
}

// Writes what is left of so many lines.
static void chat(const char *name, uint64_t count, uint64_t *written, size_t least,
                 uint64_t crash_every, bool unfinished)
{
    char *line = malloc(LINE_LONGEST);
    while (*written < count) {
        uint64_t number = *written + 1, chance = line_hash(line_seed(name, number));
        // Pieces of 1 byte to 64 KiB, large ones mostly: another size for every 1024 lines.
        size_t limit = 1 + line_hash(number / 1024) % PENDING_BYTES;
        bool crashes = crash_every && number < count && chance % crash_every == 0;
        if (limit <= pending_size)
            flush();
        put(line, line_make(name, number, least, line), limit);
        if (!crashes || !unfinished)
            put("\n", 1, limit);
        if (crashes)
            flush();
        *written = number;
        if (crashes)
            crash(chance / crash_every);
    }
    flush();
    free(line);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"crash", required_argument, NULL, 'c'},
        {"unfinished", no_argument, NULL, 'u'},
        {"state", required_argument, NULL, 's'},
        {"least", required_argument, NULL, 'l'},
        {"name", required_argument, NULL, 'n'},
        {"stay", no_argument, NULL, 'y'},
        {"pause", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    const char *name = getenv("PS"), *state_path = NULL;
    uint64_t every = 0;
    size_t least = 1;
    bool unfinished = false, stay = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            every = strtoull(optarg, NULL, 10);
            break;
        case 'u':
            unfinished = true;
            break;
        case 's':
            state_path = optarg;
            break;
        case 'l':
            least = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            name = optarg;
            break;
        case 'y':
            stay = true;
            break;
        case 'p':
            write_pause.tv_nsec = atol(optarg) * 1000;
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc || !name || strlen(name) > 128) {
        fprintf(stderr, "usage: chatty LINES [--crash EVERY] … (needs PS or --name)\n");
        return 2;
    }
    chat(name, strtoull(argv[optind], NULL, 10), state_open(state_path), least, every, unfinished);
    while (stay)
        pause();
    return 0;
}
