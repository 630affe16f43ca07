// SPDX-License-Identifier: Apache-2.0
// One policy as written -> the rules of one of its directions.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "resolve/resolve.h"

namespace catflap::resolve {

// Every number under which some pod declares a port name, and how many pods do.
using DeclaredPorts = std::map<std::pair<std::string, Protocol>, std::map<uint16_t, size_t>>;

// own_ports: of the pod that the policy selects; ingress rules name these, egress rules those of their peers.
void append_rules(const Policy& policy, Direction direction, const std::vector<NamedPort>& own_ports,
                  const DeclaredPorts& declared, std::vector<Rule>& rules);

// Its ingress rules differ from pod to pod.
bool names_own_ports(const Policy& policy);

}  // namespace catflap::resolve
