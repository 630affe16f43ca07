// SPDX-License-Identifier: Apache-2.0
// The other way round: model values -> the text of a truth table.
#pragma once

#include <string>
#include <vector>

#include "oracle/oracle.h"

namespace catflap::test {

struct Service {
    uint8_t protocol = 0;
    uint16_t port = 0;
};
// "80/TCP", "53/UDP", "7/SCTP", "icmp" (of the row's family), "protocol/89".
Result<Service> parse_service(const std::string& text, Family family);
std::string service_text(uint8_t protocol, uint16_t port);

// The spec of a NetworkPolicy, on one line.
std::string policy_text(const Policy& policy);

// The hop as a row: "b/client -> 10.0.0.1 80/TCP". The remote is written as its address, so that
// only this hop counts.
std::string row_text(const oracle::Hop& hop);

// A whole file with one case, whose last state judges the hop; the earlier ones are what led there.
std::string case_text(const std::string& name, const std::vector<Cluster>& states, const oracle::Hop& hop,
                      bool allowed);

}  // namespace catflap::test
