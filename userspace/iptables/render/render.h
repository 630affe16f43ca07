// SPDX-License-Identifier: Apache-2.0
// Cluster -> the filter table's chains and the sets of one node, as docs/iptables.md lays them out. Pure.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "iptables/render/ip_set.h"
#include "iptables/render/rule.h"
#include "model/cluster.h"

namespace catflap::iptables {

constexpr std::array<Family, 2> kFamilies = {Family::ipv4, Family::ipv6};

// An interface of the node and the pod on it. Without a pod, everything on it is dropped.
struct Endpoint {
    std::string interface;
    std::optional<ObjectName> pod;
};

struct RenderOptions {
    std::vector<std::string> interface_prefixes = {"cali"};            // how the names of pods' interfaces begin
    bool drop_encapsulation = true;                                    // what a pod sends as IPIP or VXLAN
    std::vector<Family> families{kFamilies.begin(), kFamilies.end()};  // the others stay empty
};

struct Rules {
    std::vector<Chain> hooks;             // built-in chains, each with the one rule that is ours
    std::map<std::string, Chain> chains;  // ours, by name
};

struct State {
    std::array<Rules, 2> families;  // by Family
    std::map<std::string, IpSet> sets;
};

// The pods of the endpoints must be in the cluster.
State render(const Cluster& cluster, const std::vector<Endpoint>& endpoints, const RenderOptions& options = {});

}  // namespace catflap::iptables
