// SPDX-License-Identifier: MIT
// What any Varlink client may ask a service about itself: which interfaces it has, and their text.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

#define INTERFACE_MANAGER "org.formation.Manager"
#define INTERFACE_SERVICE "org.varlink.service"

// The .varlink file of an interface; the empty str when there is none of that name.
struct str interface_text(struct str name);

// Writes the reply to org.varlink.service.GetInfo.
void interface_describe_service(struct buffer *out);

// Writes the reply to org.varlink.service.GetInterfaceDescription, InterfaceNotFound included.
void interface_describe(struct buffer *out, struct str name);
