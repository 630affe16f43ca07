// SPDX-License-Identifier: Apache-2.0
// A question's words -> what they name in the cluster. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/cluster.h"
#include "report/explanation.h"

namespace catflap::explain {

// One end as it was asked for. Of a pod `pod`, of an address `addresses` alone.
struct Place {
    const Pod* pod = nullptr;
    bool is_host = false;            // the node of the other end
    std::vector<Address> addresses;  // by which the other end knows it
};

struct Parsed {
    Place from;
    Place to;
    uint8_t protocol = 0;  // 1 is ICMP, of either family
    uint16_t port = 0;
};

// Fails with a sentence about what is wrong with the question: words that say nothing, names that nobody has (with the
// ones that they resemble), and ends that no packet can have.
Result<Parsed> parse(const Cluster& cluster, const report::Question& question);

}  // namespace catflap::explain
