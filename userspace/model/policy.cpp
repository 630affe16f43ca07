// SPDX-License-Identifier: Apache-2.0
#include "model/policy.h"

namespace catflap {

std::string_view to_string(PolicyKind kind) {
    switch (kind) {
        case PolicyKind::network_policy:
            return "NetworkPolicy";
        case PolicyKind::cluster_network_policy:
            return "ClusterNetworkPolicy";
        case PolicyKind::admin_network_policy:
            return "AdminNetworkPolicy";
        case PolicyKind::baseline_admin_network_policy:
            return "BaselineAdminNetworkPolicy";
    }
    return "?";
}

std::string to_string(const PolicyName& policy) {
    if (policy.kind == PolicyKind::network_policy)
        return policy.ns + "/" + policy.name;
    return std::string(to_string(policy.kind)) + " " + policy.name;
}

std::string_view to_string(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp:
            return "TCP";
        case Protocol::udp:
            return "UDP";
        case Protocol::sctp:
            return "SCTP";
    }
    return "?";
}

}  // namespace catflap
