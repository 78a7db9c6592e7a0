// SPDX-License-Identifier: MIT
// A process with a descendant that does all it can not to be found or ended.
//
//   hider COMM WAY…
//
// The descendant is called COMM (as in /proc/PID/comm; 15 bytes at most), has forked twice, is in a
// session of its own, ignores what can be ignored, and besides, for each WAY:
//
//   clear   has an empty environment
//   uid     is another user's
//   move    is in the root of the cgroups
//   stop    has stopped itself
//   freeze  is in a frozen cgroup within its own
//   storm   forks all the time, each time into a new session, and is never the same for long; after
//           30 s it has blown itself out, so that a test that fails leaves no machine to its knees
//
// What cannot be done here (no right, no cgroups) is left out. Prints "hidden PID" once it is so;
// the main process then sleeps.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLD = 9 }; // the descriptor by which the descendant tells that it is hidden

static bool has_way(char **ways, const char *way)
{
    for (; *ways; ways++)
        if (strcmp(*ways, way) == 0)
            return true;
    return false;
}

static bool write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_done = fd >= 0 && write(fd, text, strlen(text)) > 0;
    if (fd >= 0)
        close(fd);
    return is_done;
}

static bool find_cgroup(char mount[PATH_MAX], char own[PATH_MAX])
{
    char line[PATH_MAX + 256];
    mount[0] = own[0] = '\0';
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, " - cgroup2 "))
            sscanf(line, "%*s %*s %*s %*s %4095s", mount);
    if (file)
        fclose(file);
    file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "0::%4095s", own);
    if (file)
        fclose(file);
    return mount[0] && own[0];
}

static void move(void)
{
    char mount[PATH_MAX], own[PATH_MAX];
    if (find_cgroup(mount, own))
        write_file(mount, "cgroup.procs", "0");
}

static void freeze(void)
{
    char mount[PATH_MAX], own[PATH_MAX], folder[3 * PATH_MAX];
    if (!find_cgroup(mount, own))
        return;
    snprintf(folder, sizeof folder, "%s%s/ice", mount, own);
    if (mkdir(folder, 0755) == 0 && write_file(folder, "cgroup.procs", "0"))
        write_file(folder, "cgroup.freeze", "1");
}

static void tell(void)
{
    pid_t own = getpid();
    if (write(TOLD, &own, sizeof own) != sizeof own)
        _exit(1);
    close(TOLD);
}

static void hide(char **ways)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
    if (has_way(ways, "move"))
        move();
    if (has_way(ways, "uid") && setuid(65534) < 0)
        fprintf(stderr, "no right to become another user\n");
    tell();
    if (has_way(ways, "freeze"))
        freeze();
    if (has_way(ways, "stop"))
        raise(SIGSTOP);
    time_t end = time(NULL) + 30;
    while (has_way(ways, "storm") && time(NULL) < end) {
        if (fork() > 0)
            _exit(0);
        setsid();
        nanosleep(&(struct timespec){.tv_nsec = 300 * 1000}, NULL);
    }
    for (;;)
        pause();
}

// The descendant; the first time as a copy of its ancestor.
static void descend(char **argv)
{
    char *nothing[] = {NULL};
    char again[] = "again";
    prctl(PR_SET_NAME, argv[1]);
    if (!has_way(argv + 2, "clear") || strcmp(argv[0], again) == 0)
        hide(argv + 2);
    argv[0] = again;
    execve("/proc/self/exe", argv, nothing);
    _exit(1);
}

int main(int argc, char **argv)
{
    int told[2];
    pid_t hidden = 0;
    if (argc < 2)
        return 2;
    if (strcmp(argv[0], "again") == 0)
        descend(argv);
    if (pipe2(told, O_CLOEXEC) < 0)
        return 1;
    pid_t between = fork();
    if (between == 0) {
        if (setsid() < 0 || fork() != 0)
            _exit(0);
        setsid();
        dup2(told[1], TOLD);
        descend(argv);
    }
    waitpid(between, NULL, 0);
    close(told[1]);
    if (read(told[0], &hidden, sizeof hidden) != sizeof hidden)
        return 1;
    printf("hidden %d\n", hidden);
    fflush(stdout);
    for (;;)
        pause();
}
