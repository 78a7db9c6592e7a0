// SPDX-License-Identifier: MIT
// formation route COUNT: what stands between clients and the processes of a type that is routed to
// (route/router.h), with so many listening sockets. A formation starts it; nobody else needs to.
#include "base/limits.h"
#include "cli/command.h"
#include "route/router.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATUS_CANNOT = 71 }; // EX_OSERR

int command_route(char **words)
{
    struct error error;
    char *end = NULL;
    unsigned long count = words[0] ? strtoul(words[0], &end, 10) : 0;
    if (count == 0 || count > LIMIT_ROUTE_LISTENERS || *end || words[1]) {
        (void)fprintf(stderr, "'route' takes the number of its listening sockets, 1 to %d\n",
                      LIMIT_ROUTE_LISTENERS);
        return 2;
    }
    if (route_run(count, &error) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", error.text);
    return STATUS_CANNOT;
}
