// SPDX-License-Identifier: MIT
// Writes numbered lines until it is ended, by whatever signal at whatever instruction, so that
// afterwards is known which lines it has written: each by one write that the kernel does whole or
// not at all, and counted in a file as soon as it is done. Of each life there is a file,
// PS.PID.TIME in FOLDER, whose first eight bytes are the count: the last line counted, or one more,
// is its last.
//
//   numbered FOLDER [MILLISECONDS [LINES [BYTES]]]
//
// So many LINES of up to BYTES (4000 at most), and then a pause of so long; at SIGUSR2 20000 lines
// without a pause.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 4000, BURST_LINES = 20000 };

static volatile sig_atomic_t is_asked_to_burst;

static void on_signal(int number)
{
    (void)number;
    is_asked_to_burst = 1;
}

static uint64_t *open_life(const char *folder, char *life, size_t room)
{
    struct timespec now;
    char path[4096];
    clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(life, room, "%s.%d.%lld%09ld", getenv("PS"), getpid(), (long long)now.tv_sec,
                   now.tv_nsec);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, life);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    uint64_t *count = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(*count)) == 0)
        count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (count == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    return count;
}

// The head tells how long the line is, and the rest is the line's number again and again.
static size_t make_line(const char *life, uint64_t number, size_t most, char *out)
{
    size_t length = 100 + (size_t)(number * 2654435761u % (most - 99));
    size_t used =
        (size_t)snprintf(out, 200, "=%s %llu %zu ", life, (unsigned long long)number, length);
    char digits[32];
    size_t count = (size_t)snprintf(digits, sizeof(digits), "%llu.", (unsigned long long)number);
    for (size_t i = 0; used < length; i++)
        out[used++] = digits[i % count];
    out[length] = '\n';
    return length + 1;
}

static void write_line(const char *life, uint64_t *count, size_t most)
{
    char line[LONGEST + 256];
    size_t size = make_line(life, *count + 1, most, line);
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(STDOUT_FILENO, line + done, size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            exit(1);
        done += (size_t)wrote;
    }
    *count += 1;
}

int main(int argc, char **argv)
{
    char life[160];
    long pause_ms = argc > 2 ? atol(argv[2]) : 100;
    long lines = argc > 3 ? atol(argv[3]) : 1;
    size_t most = argc > 4 ? strtoul(argv[4], NULL, 10) : 200;
    if (argc < 2 || !getenv("PS") || strlen(getenv("PS")) > 100 || most < 200 || most > LONGEST)
        return 2;
    signal(SIGUSR2, on_signal);
    uint64_t *count = open_life(argv[1], life, sizeof(life));
    for (;;) {
        long now = is_asked_to_burst ? BURST_LINES : lines;
        is_asked_to_burst = 0;
        for (long i = 0; i < now; i++)
            write_line(life, count, most);
        nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
    }
}
