// SPDX-License-Identifier: Apache-2.0
// Which pods' packets may go straight from one pod of this node to another, or to and from other nodes by an uplink,
// past everything between the two interfaces: those that would have met nothing there but what catflap and kube-proxy
// do. Pure.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "links/link_watcher.h"
#include "report/status.h"

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

struct FastPathUplink {
    uint32_t ifindex = 0;
    std::string name;
    uint32_t mtu = 0;    // 0: not known
    std::string others;  // what others have there, or why there is no way
};

struct FastPath {
    FastPathNode node;
    size_t endpoints = 0;                             // of pods
    std::map<uint32_t, std::string> refused;          // why not, of one endpoint; by ifindex
    std::map<uint32_t, catflap_redirect_gate> gates;  // of those that may
    std::map<uint32_t, std::string> uplink_names;     // of all uplinks
    std::map<uint32_t, catflap_uplink> uplinks;       // those that may
    std::map<uint32_t, std::string> refused_uplinks;  // why not, or why only one way
};

FastPath decide_fast_path(const FastPathNode& node, const std::vector<FastPathEndpoint>& endpoints,
                          const std::vector<FastPathUplink>& uplinks = {});

// "tcp,udp", "udp", or why not.
std::string fast_path_of(const FastPath& decided, uint32_t ifindex);

// For the status.
std::vector<report::FastPathUplinkRow> uplink_rows(const FastPath& decided);

// Why no TCP may: conntrack sees a packet now and then, and must not mind that others went by. value: of the sysctl, as
// it is read; "": it cannot be.
std::string refusal_of_liberal(const std::string& value);

}  // namespace catflap::agent
