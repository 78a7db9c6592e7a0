// SPDX-License-Identifier: MIT
// What `scale` of a process type in formation.yaml says: how many processes the demand may ask for,
// and what the demand is.
#pragma once

#include "base/arena.h"
#include "config/yaml.h"
#include "plan/scale.h"

// Into a struct plan_scale, whose texts and table are in the reader's arena. is_set is false when
// there was an error, which has been told.
yaml_read declaration_read_scale;

// Copies what is read into another arena. Returns 0 or -ENOMEM.
int declaration_copy_scale(const struct plan_scale *declared, struct arena *arena,
                           struct plan_scale *out);
