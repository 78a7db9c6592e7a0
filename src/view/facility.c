// SPDX-License-Identifier: MIT
// <syslog.h> has such tables as well, but shifted, with macros in the way, and with a call to log.
#include "view/facility.h"

#include <stddef.h>

static const char *const facilities[] = {
    [FACILITY_USER] = "user",         [FACILITY_MAIL] = "mail",
    [FACILITY_DAEMON] = "daemon",     [FACILITY_AUTH] = "auth",
    [FACILITY_SYSLOG] = "syslog",     [FACILITY_LPR] = "lpr",
    [FACILITY_NEWS] = "news",         [FACILITY_UUCP] = "uucp",
    [FACILITY_CRON] = "cron",         [FACILITY_AUTHPRIV] = "authpriv",
    [FACILITY_FTP] = "ftp",           [FACILITY_LOCAL0] = "local0",
    [FACILITY_LOCAL0 + 1] = "local1", [FACILITY_LOCAL0 + 2] = "local2",
    [FACILITY_LOCAL0 + 3] = "local3", [FACILITY_LOCAL0 + 4] = "local4",
    [FACILITY_LOCAL0 + 5] = "local5", [FACILITY_LOCAL0 + 6] = "local6",
    [FACILITY_LOCAL7] = "local7",
};

static const char *const severities[] = {
    [SYSLOG_EMERG] = "emerg", [SYSLOG_ALERT] = "alert",     [SYSLOG_CRIT] = "crit",
    [SYSLOG_ERR] = "err",     [SYSLOG_WARNING] = "warning", [SYSLOG_NOTICE] = "notice",
    [SYSLOG_INFO] = "info",   [SYSLOG_DEBUG] = "debug",
};

enum {
    FACILITY_COUNT = sizeof(facilities) / sizeof(facilities[0]),
    SEVERITY_COUNT = sizeof(severities) / sizeof(severities[0]),
};

static unsigned find(struct str name, const char *const *names, unsigned count)
{
    unsigned i = 0;
    while (i < count && !(names[i] && str_is(name, names[i])))
        i++;
    return i;
}

const char *facility_name(enum facility facility)
{
    return (unsigned)facility < FACILITY_COUNT ? facilities[facility] : NULL;
}

bool facility_find(struct str name, enum facility *out)
{
    unsigned i = find(name, facilities, FACILITY_COUNT);
    if (i < FACILITY_COUNT)
        *out = (enum facility)i;
    return i < FACILITY_COUNT;
}

const char *syslog_severity_name(enum syslog_severity severity)
{
    return (unsigned)severity < SEVERITY_COUNT ? severities[severity] : NULL;
}

bool syslog_severity_find(struct str name, enum syslog_severity *out)
{
    unsigned i = find(name, severities, SEVERITY_COUNT);
    if (i < SEVERITY_COUNT)
        *out = (enum syslog_severity)i;
    return i < SEVERITY_COUNT;
}
