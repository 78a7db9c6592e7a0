// SPDX-License-Identifier: MIT
// `limits` of a process type in formation.yaml.
#pragma once

#include "config/yaml.h"

// Reads a map into a struct tree_limits. Whether the machine can keep them is known where they are
// to be kept.
yaml_read declaration_read_limits;
