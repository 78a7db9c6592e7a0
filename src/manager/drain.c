// SPDX-License-Identifier: MIT
// No process is left, but lines may wait for a reader that is slow, or reads nothing: which is not
// waited for without end. Whoever asks meanwhile gets an answer.
#include "manager/serve.h"
#include "manager/state.h"
#include "os/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define READER_PATIENCE (10 * NSEC_PER_SEC) // with a reader that reads nothing
enum { LOOK_UP_AFTER_MS = 100 };            // …whether somebody is impatient

static void wait_for_room(struct manager *manager)
{
    const struct outlet *outlet = &manager->show.outlet;
    const struct pollfd room = {.fd = outlet_fd(outlet), .events = POLLOUT};
    serve_meanwhile(manager, &room, outlet->state == OUTLET_BUSY, LOOK_UP_AFTER_MS);
}

// Until all is written. A reader that reads nothing for a long time does not keep us for ever.
static enum outlet_state write_patiently(struct manager *manager)
{
    struct outlet *outlet = &manager->show.outlet;
    size_t least = outlet_waiting_bytes(outlet);
    nsec_t progress_at = clock_now();
    for (;;) {
        enum outlet_state state = outlet_push(outlet);
        if ((state != OUTLET_BUSY && state != OUTLET_NO_SPACE) || news_is_interrupted(manager))
            return state;
        if (outlet_waiting_bytes(outlet) < least) {
            least = outlet_waiting_bytes(outlet);
            progress_at = clock_now();
        }
        if (clock_now() - progress_at >= READER_PATIENCE)
            return state;
        wait_for_room(manager);
    }
}

// The last lines, of which there may be some of a process that was given up.
void drain(struct manager *manager)
{
    struct outlet *outlet = &manager->show.outlet;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++)
        if (process_of(manager, slot))
            (void)output_read_rest(process_of(manager, slot), true);
    sinks_drain(manager);
    terminal_leave(&manager->show.terminal, outlet_buffer(outlet));
    enum outlet_state state = write_patiently(manager);
    if (state == OUTLET_NO_SPACE && outlet->error != ENOSPC && outlet->error != EDQUOT)
        show_aside("the last %zu bytes of the output could not be written: %s",
                   outlet_waiting_bytes(outlet), strerrordesc_np(outlet->error));
    else if (state == OUTLET_NO_SPACE)
        show_aside("no space on the disk for the last %zu bytes of the output",
                   outlet_waiting_bytes(outlet));
    else if (state == OUTLET_BUSY)
        show_aside("nobody took the last %zu bytes of the output", outlet_waiting_bytes(outlet));
    if (state != OUTLET_IDLE)
        note_reader_gone(manager);
    if (manager->reader_is_gone && manager->exit_status == 0)
        manager->exit_status = 128 + SIGPIPE;
}
