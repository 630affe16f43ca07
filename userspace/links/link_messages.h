// SPDX-License-Identifier: Apache-2.0
// rtnetlink messages -> LinkTable. Dumps and notifications have one form.
#pragma once

#include "links/link_table.h"

struct nlmsghdr;

namespace catflap::links {

// True: the message was about something that the table holds.
bool take_message(nlmsghdr* header, LinkTable& table);

}  // namespace catflap::links
