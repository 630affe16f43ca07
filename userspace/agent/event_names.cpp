// SPDX-License-Identifier: Apache-2.0
#include "agent/event_names.h"

namespace catflap::agent {

void EventNames::update(const Cluster& cluster, uint64_t version) {
    constexpr int kRest = 40;  // so many times as long as it took
    const auto begin = Clock::now();
    if (version_ == version || begin < not_before_)
        return;
    version_ = version;
    names_.clear();
    names_.reserve(cluster.pods.size() + cluster.nodes.size());
    for (const auto& [name, pod] : cluster.pods)
        if (is_policed(pod))
            for (const Address& address : pod.addresses)
                names_.try_emplace(address, to_string(name));
    for (const auto& [name, node] : cluster.nodes)
        for (const Address& address : node.addresses)
            names_.try_emplace(address, "node/" + name);
    not_before_ = Clock::now() + kRest * (Clock::now() - begin);
}

std::string EventNames::name_of(const Address& address) const {
    const auto found = names_.find(address);
    return found == names_.end() ? "" : found->second;
}

}  // namespace catflap::agent
