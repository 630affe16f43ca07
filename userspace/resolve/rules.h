// SPDX-License-Identifier: Apache-2.0
// One NetworkPolicy as written -> the rules of one of its directions; what rules of all kinds share.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "resolve/resolve.h"

namespace catflap::resolve {

// Every number under which some pod declares a port name, and how many pods do.
using DeclaredPorts = std::map<std::pair<std::string, Protocol>, std::map<uint16_t, size_t>>;

// What names of ports stand for. own: of the pod that the policy selects; ingress rules name these, egress rules those
// of their peers.
struct PortNames {
    const std::vector<NamedPort>& own;
    const DeclaredPorts& declared;
};

void append_rules(const Policy& policy, Direction direction, const PortNames& names, std::vector<Rule>& rules);

// Its ingress rules differ from pod to pod.
bool names_own_ports(const Policy& policy);

// Adds the numbers under which the destination itself declares the name: of an ingress rule.
void add_own_port(const std::string& name, Protocol protocol, const std::vector<NamedPort>& own, Rule& rule);
// The destinations are the peers: a rule of its own for each number, which holds the peers that declare it. `rule` is
// the pattern.
void add_peers_port(const std::string& name, Protocol protocol, const DeclaredPorts& declared, const Rule& rule,
                    std::vector<Rule>& rules);
template <class T>
void sort_unique(std::vector<T>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace catflap::resolve
