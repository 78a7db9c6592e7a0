// SPDX-License-Identifier: MIT
// Quantities that people asked for beyond the app's files. They outlive supervisor and machine.
#pragma once

#include "base/error.h"
#include "plan/plan.h"

// Writes down where the plan's quantities differ from those declared; nothing is left when they do
// not. Returns 0 when it is on the disk; -ENOSPC and the like with a sentence; or -EROFS with one
// when there is no place at all for such a file.
int remember_write(const struct plan *plan, struct error *error);

// Sets the quantities that were written down for this app. Returns how many differ from the
// declared ones now; or -EBADMSG with a sentence for a file that makes no sense, which was set
// aside. Types that the app no longer has, or quantities that are not possible any more, are left
// out.
int remember_read(struct plan *plan, struct error *error);
