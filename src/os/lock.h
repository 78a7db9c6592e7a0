// SPDX-License-Identifier: MIT
// A lock on a folder, for moments: what two processes must not do there at once.
#pragma once

// Waits for the lock of `folder`, a few seconds at most. 0 and a descriptor of the folder, closed
// on exec, which ends the lock when it is closed; or -errno (-ETIMEDOUT: somebody else has it).
// Where folders cannot be locked (NFS) it is had without.
int lock_folder(const char *folder, int *out);
