// SPDX-License-Identifier: Apache-2.0
#include "resolve/departed.h"

namespace catflap::resolve {

void Departed::claim(const Pod& pod) {
    if (is_policed(pod))
        for (const Address& address : pod.addresses)
            ++claims_[address];
}

void Departed::give_up(const Pod& pod) {
    if (!is_policed(pod))
        return;
    for (const Address& address : pod.addresses)
        if (const auto found = claims_.find(address); found != claims_.end() && --found->second == 0)
            claims_.erase(found);
}

void Departed::count_claims(const Cluster& cluster, const Changes& changes) {
    if (changes.everything) {
        claims_.clear();
        for (const auto& [name, pod] : cluster.pods)
            claim(pod);
        return;
    }
    for (const auto& [name, before] : changes.pods) {
        if (before)
            give_up(*before);
        if (const auto now = cluster.pods.find(name); now != cluster.pods.end())
            claim(now->second);
    }
}

// Another pod may have claimed an address that is left just now, without being among the changes.
void Departed::update(const Cluster& cluster, const Changes& changes) {
    count_claims(cluster, changes);
    for (const auto& [name, before] : changes.pods)
        if (before && is_policed(*before))
            for (const Address& address : before->addresses)
                if (backends_.contains(address))
                    pods_.insert_or_assign(address, *before);
    std::erase_if(pods_, [&](const auto& entry) { return claims_.contains(entry.first); });
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
