// SPDX-License-Identifier: Apache-2.0
// The limit of a fast path: programs that judge nothing, count nothing and find out nothing, and only hand each packet
// on to where it goes. What a fast path costs beyond them is its own.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::bench {

struct FloorRoute {
    std::string address;           // IPv4, of a pod
    std::array<uint8_t, 12> macs;  // destination and source of the frame as it arrives there
    std::string interface;         // of the node: the pod's veth, or the uplink
    bool into_pod = false;         // through the veth, into the pod's namespace (bpf_redirect_peer, kernel 5.10)
};

// Whether this kernel has what lay_floor() needs: TCX (6.6).
bool can_lay_floor();

// Attaches to the ingress of each interface of the routes, until the links are closed. netns: the
// node's.
Result<std::vector<UniqueFd>> lay_floor(const std::string& netns, std::span<const FloorRoute> routes);

}  // namespace catflap::bench
