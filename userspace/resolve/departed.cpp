// SPDX-License-Identifier: Apache-2.0
#include "resolve/departed.h"

namespace catflap::resolve {

void Departed::forget_living(const Pod& pod) {
    if (is_policed(pod))
        for (const Address& address : pod.addresses)
            pods_.erase(address);
}

void Departed::update(const Cluster& cluster, const Changes& changes) {
    const size_t known = pods_.size();
    for (const auto& [name, before] : changes.pods)
        if (before && is_policed(*before))
            for (const Address& address : before->addresses)
                if (backends_.contains(address))
                    pods_.insert_or_assign(address, *before);
    if (pods_.empty())
        return;
    // Another pod may have claimed an address that was added just now, without being among the changes.
    if (changes.everything || pods_.size() > known) {
        for (const auto& [name, pod] : cluster.pods)
            forget_living(pod);
        return;
    }
    for (const auto& [name, before] : changes.pods)
        if (const auto now = cluster.pods.find(name); now != cluster.pods.end())
            forget_living(now->second);
}

void Departed::set_frontends(const std::vector<Frontend>& frontends) {
    backends_.clear();
    for (const Frontend& frontend : frontends)
        for (const FrontendPort& port : frontend.ports)
            for (const Backend& backend : port.backends)
                backends_.insert(backend.address);
    std::erase_if(pods_, [&](const auto& entry) { return !backends_.contains(entry.first); });
}

}  // namespace catflap::resolve
