// SPDX-License-Identifier: MIT
// Writes numbered lines of 1 byte to 2 MB in writes that end anywhere, may crash between lines, and
// goes on where it was when started again: together with checker, the proof that no line is lost.
//
//   chatty LINES [--crash EVERY] [--unfinished] [--state FILE]
//          [--least BYTES] [--most BYTES] [--name NAME] [--pause MICROSECONDS] [--stay]
//          [--rate BYTES [--burst BYTES]] [--orderly]
//
// --crash ends it about every so many lines, in turn by SIGKILL, by abort and by exit code 3;
// --unfinished leaves out the newline of the last line before a crash. When all is written it
// exits with 0, or with --stay sleeps until a signal. --pause comes after each larger write. With
// --rate it writes so many bytes a second, and every now and then a --burst at once. --orderly: at
// SIGTERM it writes the line to its end and exits with 0.
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
static volatile sig_atomic_t is_asked_to_end;

struct habits {
    const char *name;
    const char *state_path;
    uint64_t count;
    uint64_t crash_every;
    size_t least;
    size_t most;
    size_t rate_bytes; // a second; 0: as fast as it can
    size_t burst_bytes;
    bool leaves_unfinished;
    bool is_orderly;
    bool stays;
};

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

// Sleeps, after so many bytes, as long as they take by the rate. One that was held up does not make
// up for it.
static void keep_rate(const struct habits *habits, size_t bytes)
{
    enum { TICKS = 50 }; // a second
    static long credit;
    static uint64_t ticks;
    if (habits->rate_bytes == 0)
        return;
    credit -= (long)bytes;
    while (credit < 0 && !is_asked_to_end) {
        flush();
        nanosleep(&(struct timespec){.tv_nsec = 1000000000 / TICKS}, NULL);
        credit += (long)(habits->rate_bytes / TICKS);
        if (line_hash(line_seed(habits->name, ++ticks)) % (10 * TICKS) == 0)
            credit += (long)habits->burst_bytes;
    }
}

// Writes what is left of so many lines.
static void chat(const struct habits *habits, uint64_t *written)
{
    char *line = malloc(LINE_LONGEST);
    while (*written < habits->count && !is_asked_to_end) {
        uint64_t number = *written + 1, chance = line_hash(line_seed(habits->name, number));
        // Pieces of 1 byte to 64 KiB, large ones mostly: another size for every 1024 lines.
        size_t limit = 1 + line_hash(number / 1024) % PENDING_BYTES;
        bool crashes =
            habits->crash_every && number < habits->count && chance % habits->crash_every == 0;
        size_t size = line_make_within(habits->name, number, habits->least, habits->most, line);
        if (limit <= pending_size)
            flush();
        put(line, size, limit);
        if (!crashes || !habits->leaves_unfinished)
            put("\n", 1, limit);
        if (crashes)
            flush();
        *written = number;
        if (crashes)
            crash(chance / habits->crash_every);
        keep_rate(habits, size);
    }
    flush();
    free(line);
}

static void on_term(int number)
{
    (void)number;
    is_asked_to_end = 1;
}

static bool read_habits(int argc, char **argv, struct habits *out)
{
    static const struct option options[] = {
        {"crash", required_argument, NULL, 'c'}, {"unfinished", no_argument, NULL, 'u'},
        {"state", required_argument, NULL, 's'}, {"least", required_argument, NULL, 'l'},
        {"most", required_argument, NULL, 'm'},  {"name", required_argument, NULL, 'n'},
        {"stay", no_argument, NULL, 'y'},        {"pause", required_argument, NULL, 'p'},
        {"rate", required_argument, NULL, 'r'},  {"burst", required_argument, NULL, 'b'},
        {"orderly", no_argument, NULL, 'o'},     {NULL, 0, NULL, 0},
    };
    *out = (struct habits){.name = getenv("PS"), .least = 1, .most = LINE_LONGEST};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            out->crash_every = strtoull(optarg, NULL, 10);
            break;
        case 'u':
            out->leaves_unfinished = true;
            break;
        case 's':
            out->state_path = optarg;
            break;
        case 'l':
            out->least = strtoul(optarg, NULL, 10);
            break;
        case 'm':
            out->most = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            out->name = optarg;
            break;
        case 'y':
            out->stays = true;
            break;
        case 'p':
            write_pause.tv_nsec = atol(optarg) * 1000;
            break;
        case 'r':
            out->rate_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            out->burst_bytes = strtoul(optarg, NULL, 10);
            break;
        case 'o':
            out->is_orderly = true;
            break;
        default:
            return false;
        }
    }
    out->count = optind + 1 == argc ? strtoull(argv[optind], NULL, 10) : 0;
    return optind + 1 == argc && out->name && strlen(out->name) <= 128 && out->most <= LINE_LONGEST;
}

int main(int argc, char **argv)
{
    struct habits habits;
    if (!read_habits(argc, argv, &habits)) {
        fprintf(stderr, "usage: chatty LINES [--crash EVERY] … (needs PS or --name)\n");
        return 2;
    }
    if (habits.is_orderly)
        signal(SIGTERM, on_term);
    chat(&habits, state_open(habits.state_path));
    while (habits.stays && !is_asked_to_end)
        pause();
    return 0;
}
