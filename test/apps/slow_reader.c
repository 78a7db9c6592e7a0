// SPDX-License-Identifier: MIT
// Copies standard input to standard output as a slow terminal or network would, and may go away in
// the middle.
//
//   slow_reader [BYTES [MILLISECONDS [LIMIT]]]
//
// Reads of at most BYTES (4096), a pause of MILLISECONDS (1) after each, exit after LIMIT bytes.
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char bytes[1024 * 1024];
    size_t most = argc > 1 ? strtoul(argv[1], NULL, 10) : 4096;
    long milliseconds = argc > 2 ? atol(argv[2]) : 1;
    unsigned long long limit = argc > 3 ? strtoull(argv[3], NULL, 10) : ~0ULL, copied = 0;
    struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    if (most == 0 || most > sizeof bytes)
        return 2;
    for (ssize_t size; copied < limit && (size = read(STDIN_FILENO, bytes, most)) > 0;) {
        copied += (unsigned long long)size;
        for (ssize_t done = 0, wrote; done < size; done += wrote)
            if ((wrote = write(STDOUT_FILENO, bytes + done, (size_t)(size - done))) < 0)
                return 1;
        nanosleep(&rest, NULL);
    }
    return 0;
}
