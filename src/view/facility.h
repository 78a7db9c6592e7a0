// SPDX-License-Identifier: MIT
// Facility and severity of a message, with the numbers of syslog (RFC 5424, 6.2.1), which are those
// of the journal, too.
#pragma once

#include "base/str.h"

#include <stdbool.h>

// "kern" is left out: it is for the kernel's own messages, and a local receiver takes it as "user".
enum facility {
    FACILITY_USER = 1,
    FACILITY_MAIL,
    FACILITY_DAEMON,
    FACILITY_AUTH,
    FACILITY_SYSLOG,
    FACILITY_LPR,
    FACILITY_NEWS,
    FACILITY_UUCP,
    FACILITY_CRON,
    FACILITY_AUTHPRIV,
    FACILITY_FTP,
    FACILITY_LOCAL0 = 16,
    FACILITY_LOCAL7 = 23,
};

enum syslog_severity {
    SYSLOG_EMERG,
    SYSLOG_ALERT,
    SYSLOG_CRIT,
    SYSLOG_ERR,
    SYSLOG_WARNING,
    SYSLOG_NOTICE,
    SYSLOG_INFO,
    SYSLOG_DEBUG,
};

// The names of syslog.conf(5). Finding returns false for a name that is none, `out` untouched; a
// number between the names ("12") has none: NULL.
const char *facility_name(enum facility facility);
bool facility_find(struct str name, enum facility *out);
const char *syslog_severity_name(enum syslog_severity severity);
bool syslog_severity_find(struct str name, enum syslog_severity *out);
