// SPDX-License-Identifier: MIT
// "some avg10=1.23 avg60=…" (Documentation/accounting/psi.rst).
#include "os/pressure.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int read_average(const struct tree *tree, const char *branch, const char *file_name)
{
    char path[TREE_NAME_BYTES + 32];
    char text[256] = "";
    int whole;
    int hundredths;
    (void)snprintf(path, sizeof(path), "%s/%s", branch, file_name);
    int fd = tree->fd >= 0 ? openat(tree->fd, path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    if (size <= 0 || sscanf(text, "some avg10=%d.%2d", &whole, &hundredths) != 2)
        return -1;
    return whole * 100 + hundredths;
}

void pressure_read(const struct tree *tree, const char *branch, struct pressure *out)
{
    out->cpu = read_average(tree, branch, "cpu.pressure");
    out->memory = read_average(tree, branch, "memory.pressure");
}
