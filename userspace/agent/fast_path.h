// SPDX-License-Identifier: Apache-2.0
// Which pods' packets may go straight from one pod of this node to another, past everything between the two interfaces:
// those that would have met nothing there but what catflap and kube-proxy do. Pure.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "links/link_watcher.h"

namespace catflap::agent {

// Sentences; "": nothing stands against it.
struct FastPathNode {
    std::string off;       // why nothing of any pod may
    std::string udp_only;  // why no TCP may
};

struct FastPathEndpoint {
    uint32_t ifindex = 0;
    bool attached = false;
    links::LinkFacts link;
    std::string others;  // what others have at the interface
};

struct FastPath {
    FastPathNode node;
    size_t endpoints = 0;                             // of pods
    std::map<uint32_t, std::string> refused;          // why not, of one endpoint; by ifindex
    std::map<uint32_t, catflap_redirect_gate> gates;  // of those that may
};

FastPath decide_fast_path(const FastPathNode& node, const std::vector<FastPathEndpoint>& endpoints);

// "tcp,udp", "udp", or why not.
std::string fast_path_of(const FastPath& decided, uint32_t ifindex);

// Why no TCP may: conntrack sees a packet now and then, and must not mind that others went by. value: of the sysctl, as
// it is read; "": it cannot be.
std::string refusal_of_liberal(const std::string& value);

}  // namespace catflap::agent
