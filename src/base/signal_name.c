// SPDX-License-Identifier: MIT
// The numbers are those of Linux on every architecture that Debian 12 calls amd64, arm64 or armhf
// (signal(7)); <signal.h> gives them, so the table holds names only.
#include "base/signal_name.h"

#include <signal.h>

// clang-format off
#define SIGNALS(X)                                                                                 \
    X(HUP) X(INT) X(QUIT) X(ILL) X(TRAP) X(ABRT) X(BUS) X(FPE) X(KILL) X(USR1) X(SEGV) X(USR2)     \
    X(PIPE) X(ALRM) X(TERM) X(STKFLT) X(CHLD) X(CONT) X(STOP) X(TSTP) X(TTIN) X(TTOU) X(URG)       \
    X(XCPU) X(XFSZ) X(VTALRM) X(PROF) X(WINCH) X(IO) X(PWR) X(SYS)
// clang-format on

static const char *const names[] = {
#define X(name) [SIG##name] = "SIG" #name,
    SIGNALS(X)
#undef X
};
enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

static bool equal_ignoring_case(struct str s, const char *upper)
{
    size_t i = 0;
    for (; i < s.size && upper[i]; i++) {
        char c = s.bytes[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c != upper[i])
            return false;
    }
    return i == s.size && !upper[i];
}

int signal_number(struct str name)
{
    unsigned long number;
    if (str_to_unsigned(name, &number))
        return number > 0 && number <= 64 ? (int)number : 0;
    for (int i = 1; i < NAME_COUNT; i++)
        if (names[i] && (equal_ignoring_case(name, names[i]) ||
                         equal_ignoring_case(name, names[i] + sizeof("SIG") - 1)))
            return i;
    return 0;
}

const char *signal_name(int number)
{
    if (number > 0 && number < NAME_COUNT && names[number])
        return names[number];
    return "a real-time signal";
}
