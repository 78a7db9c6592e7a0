// SPDX-License-Identifier: MIT
// Prints what it was started with, one "key value" a line: what a supervisor must hand over clean.
//
//   marker [--stay] [--exit CODE] [ARGUMENT …]
//
// --stay sleeps until a signal; --exit ends with CODE. Further NAME=… to print: MARKER_VARIABLES.
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_variable(const char *name)
{
    const char *value = getenv(name);
    printf("%s %s\n", name, value ? value : "(unset)");
}

// SigBlk, SigIgn and SigCgt of /proc/self/status: 0 in all when nothing was inherited.
static void print_signals(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        char *value = strchr(line, '\t');
        if (value && (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 ||
                      strncmp(line, "SigCgt", 6) == 0))
            printf("%.6s %s", line, value + 1);
    }
    if (status)
        fclose(status);
}

static void print_descriptors(void)
{
    char target[PATH_MAX];
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(folder))
            continue;
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
        printf("fd %d %.*s%s\n", fd, size < 0 ? 0 : (int)size, target,
               isatty(fd) ? " (terminal)" : "");
    }
    if (folder)
        closedir(folder);
}

int main(int argc, char **argv)
{
    int exit_code = 0, stay = 0;
    char cwd[PATH_MAX];
    int death_signal = 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    mode_t mask = umask(0);
    umask(mask);

    for (int i = 0; i < argc; i++) {
        printf("argv %d %s\n", i, argv[i]);
        if (strcmp(argv[i], "--stay") == 0)
            stay = 1;
        if (strcmp(argv[i], "--exit") == 0 && i + 1 < argc)
            exit_code = atoi(argv[i + 1]);
    }
    printf("pid %d\nparent %d\ngroup %d\nsession %d\n", getpid(), getppid(), getpgrp(), getsid(0));
    printf("death_signal %d\numask %03o\n", death_signal, (unsigned)mask);
    printf("cwd %s\n", getcwd(cwd, sizeof cwd) ? cwd : "(gone)");
    print_variable("PORT");
    print_variable("PS");
    const char *more = getenv("MARKER_VARIABLES");
    char *names = strdup(more ? more : "");
    for (char *rest = names, *name; (name = strsep(&rest, ", "));)
        if (*name)
            print_variable(name);
    free(names);
    print_signals();
    print_descriptors();
    printf("end\n");
    fflush(stdout);
    while (stay)
        pause();
    return exit_code;
}
