// SPDX-License-Identifier: MIT
// A program that is set-user-ID may become a user whose processes we may not signal. Nothing that
// is tried then ends it, so it is said why, once a life, and not by nobody until it is given up.
#include "manager/state.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

void forbidden_tell(struct manager *manager, const struct action *action)
{
    struct process *process = process_of(manager, action->slot);
    const struct process_record *record = supervisor_process(manager->supervisor, action->slot);
    struct buffer text = {0};
    // Its pid is nobody else's: it is reaped when we say so.
    if (!process || process->forbidden_token == action->token || record->pid <= 0 ||
        record->token != action->token || kill(record->pid, 0) == 0 || errno != EPERM)
        return;
    process->forbidden_token = action->token;
    buffer_append_format(&text,
                         "pid %d has become another user, whom a formation of the user %u may not "
                         "signal: it has to be ended by root, or to end by itself",
                         record->pid, geteuid());
    show_now(&manager->show);
    show_note(&manager->show, &process->voice, process->name, buffer_str(&text));
    buffer_fini(&text);
}
