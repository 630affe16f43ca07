// SPDX-License-Identifier: Apache-2.0
#include "netfilter/tracking.h"

#include <fmt/format.h>

namespace catflap::netfilter {

std::string tracking_commands() {
    return fmt::format(
        "add table {0}\n"
        "add chain {0} reference\n"
        "flush chain {0} reference\n"
        "add rule {0} reference ct state established\n",
        kTrackingTable);
}

}  // namespace catflap::netfilter
