// SPDX-License-Identifier: MIT
// The .varlink files as they stand in this folder, in interface_text.c, which meson.build makes.
#pragma once

extern const char interface_manager_text[];
extern const char interface_service_text[];
