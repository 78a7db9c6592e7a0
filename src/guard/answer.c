// SPDX-License-Identifier: MIT
// Whoever asked waits for an answer: one that cannot be sent with descriptors is sent without them.
#include "guard/answer.h"

#include "os/channel.h"

void answer_fetch(const struct holds *holds, int channel, const struct guard_request *request)
{
    struct guard_request answer = {.kind = GUARD_FETCH, .slot = request->slot};
    int fds[HOLD_FETCHED];
    size_t count = hold_fetch(holds, request->slot, fds, &answer.flags);
    answer.value = -channel_send(channel, &answer, sizeof(answer), fds, count, true);
    if (answer.value)
        (void)channel_send(channel, &answer, sizeof(answer), NULL, 0, true);
}

void answer_fetch_listener(const struct holds *holds, int channel,
                           const struct guard_request *request)
{
    int fd = hold_find_listener(holds, request->value);
    size_t count = fd >= 0 ? 1 : 0;
    struct guard_request answer = {
        .kind = GUARD_FETCH_LISTENER,
        .flags = fd >= 0 ? GUARD_SPAWN_LISTENERS : 0,
    };
    answer.value = -channel_send(channel, &answer, sizeof(answer), &fd, count, true);
    if (answer.value)
        (void)channel_send(channel, &answer, sizeof(answer), NULL, 0, true);
}
