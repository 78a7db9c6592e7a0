// SPDX-License-Identifier: MIT
// A child inherits the score, so each is given the one before. That may be written by anybody: what
// only a right allows is to go below what was once set with that right.
#include "os/shelter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LOWER_BY = 500,
    LEAST = -900, // below that are those without whom the machine cannot be reached
    NUMBERS_FROM = 2000,
};

static const char path[] = "/proc/self/oom_score_adj";

// 0 or -errno.
static int write_score(const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    (void)close(fd);
    return result;
}

static bool read_score(int *out)
{
    char text[16] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    *out = (int)strtol(text, NULL, 10);
    return size > 0;
}

void shelter_open(struct shelter *shelter, int before)
{
    int score = before - NUMBERS_FROM;
    *shelter = (struct shelter){0};
    if (before == 0 && !read_score(&score))
        return;
    int lower = score - LOWER_BY > LEAST ? score - LOWER_BY : LEAST;
    (void)snprintf(shelter->within, sizeof(shelter->within), "%d", lower);
    if (score > lower && write_score(shelter->within) == 0)
        (void)snprintf(shelter->before, sizeof(shelter->before), "%d", score);
}

int shelter_before(const struct shelter *shelter)
{
    return shelter->before[0] ? (int)strtol(shelter->before, NULL, 10) + NUMBERS_FROM : 0;
}

void shelter_leave(const struct shelter *shelter)
{
    if (shelter && shelter->before[0])
        (void)write_score(shelter->before);
}

void shelter_enter(const struct shelter *shelter)
{
    if (shelter && shelter->before[0])
        (void)write_score(shelter->within);
}
