// SPDX-License-Identifier: MIT
// What a format may say of lines besides their text.
#pragma once

#include "manager/show.h"
#include "view/format.h"

struct manager;

// Of all these lines, since they are of one process and came at one moment. Texts borrow from the
// lines, the manager and its plan.
struct format_line facts_of(const struct manager *manager, const struct show_lines *lines);

struct format_line facts_for_show(const void *manager, const struct show_lines *lines);
