// SPDX-License-Identifier: MIT
// What `limits` of a process type in formation.yaml says of its whole tree.
#pragma once

#include "config/yaml.h"

// Each reads the field of struct tree_limits that is called like it. Whether the machine can keep a
// limit is known where it is to be kept.
yaml_read limits_read_cpu;
yaml_read limits_read_memory;
yaml_read limits_read_processes;
