// SPDX-License-Identifier: MIT
// A sealed memfd: pages that nobody touches cost nothing, and nobody can shrink it under a reader.
#include "guard/board.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map(int fd, size_t size, struct board **out)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *out = memory;
    return 0;
}

int board_make(size_t memory_bytes, int *out_fd, struct board **out)
{
    size_t size = sizeof(struct board) + memory_bytes;
    struct board *board = NULL;
    int fd = memfd_create("formation-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int result = 0;
    if (ftruncate(fd, (off_t)size) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        result = -errno;
    if (result == 0)
        result = map(fd, size, &board);
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    assert(board);
    board->version = BOARD_VERSION;
    *out_fd = fd;
    *out = board;
    return 0;
}

int board_map(int fd, size_t memory_bytes, struct board **out)
{
    size_t size = sizeof(struct board) + memory_bytes;
    struct stat status;
    struct board *board = NULL;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_size != (off_t)size)
        return -EPROTO;
    int result = map(fd, size, &board);
    if (result < 0)
        return result;
    assert(board);
    if (board->version != BOARD_VERSION) {
        board_unmap(board, memory_bytes);
        return -EPROTO;
    }
    *out = board;
    return 0;
}

void board_unmap(struct board *board, size_t memory_bytes)
{
    (void)munmap(board, sizeof(struct board) + memory_bytes);
}

void board_mark_changed(struct board *board, unsigned slot)
{
    atomic_fetch_or(&board->changed[slot / 64], UINT64_C(1) << (slot % 64));
}
