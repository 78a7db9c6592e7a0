// SPDX-License-Identifier: MIT
// What formation.yaml says of a file that gets lines.
#pragma once

#include "config/yaml.h"
#include "plan/sink.h"

yaml_read log_file_read_path;     // struct str; its words are known ones, see plan/sink_path.h
yaml_read log_file_read_mode;     // unsigned
yaml_read log_file_read_rotation; // struct sink_rotation, with its defaults
