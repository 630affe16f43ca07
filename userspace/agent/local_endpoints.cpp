// SPDX-License-Identifier: Apache-2.0
#include "agent/local_endpoints.h"

#include <algorithm>
#include <set>

#include "resolve/out_of_reach.h"

namespace catflap::agent {
namespace {

class Matcher {
  public:
    Matcher(const Cluster& cluster, const std::set<ObjectName>& pods, const InterfacePrefixes& prefixes) {
        for (const ObjectName& name : pods) {
            const Pod& pod = cluster.pods.at(name);
            local_.push_back(&pod);
            for (const std::string& interface : prefixes.names_of(name))
                by_interface_.emplace(interface, &pod);
            for (const Address& address : pod.addresses)
                by_address_.emplace(address, &pod);
        }
    }

    // The pod whose own name the interface has; nullptr: no pod's.
    [[nodiscard]] const Pod* named(const Link& link) const {
        const auto found = by_interface_.find(link.name);
        return found == by_interface_.end() ? nullptr : found->second;
    }
    [[nodiscard]] const Pod* find(const Link& link) const {
        if (const Pod* pod = named(link))
            return pod;
        for (const Address& route : link.host_routes)
            if (const auto routed = by_address_.find(route); routed != by_address_.end())
                return routed->second;
        return nullptr;
    }
    [[nodiscard]] const std::vector<const Pod*>& local() const { return local_; }

  private:
    std::vector<const Pod*> local_;
    std::map<std::string, const Pod*> by_interface_;
    std::map<Address, const Pod*> by_address_;
};

// One address of each family: what both the kernel's routes and the pod's status say, otherwise the routes' word (made
// before the status is written), otherwise the status's.
std::array<Address, 2> endpoint_addresses(const Link& link, const Pod& pod) {
    std::array<Address, 2> addresses{};
    std::vector<Address> agreed;
    for (const Address& address : pod.addresses)
        if (std::ranges::binary_search(link.host_routes, address))
            agreed.push_back(address);
    for (const std::vector<Address>* source :
         {static_cast<const std::vector<Address>*>(&agreed), &link.host_routes, &pod.addresses}) {
        for (const Address& address : *source) {
            Address& place = addresses[address.is_ipv4() ? 0 : 1];
            if (place.is_unset())
                place = address;
        }
    }
    return addresses;
}

}  // namespace

bool LocalPods::update(const Cluster& cluster, const Changes& changes) {
    if (changes.everything) {
        names_.clear();
        for (const auto& [name, pod] : cluster.pods)
            if (is_ours(pod))
                names_.insert(name);
        return true;
    }
    bool changed = false;
    for (const auto& [name, before] : changes.pods) {
        const auto now = cluster.pods.find(name);
        const bool ours = now != cluster.pods.end() && is_ours(now->second);
        changed |= ours || names_.contains(name);
        if (ours)
            names_.insert(name);
        else
            names_.erase(name);
    }
    return changed;
}

LocalEndpoints match_endpoints(const Cluster& cluster, const std::set<ObjectName>& pods,
                               const std::map<uint32_t, Link>& links, const InterfacePrefixes& prefixes) {
    const Matcher matcher(cluster, pods, prefixes);
    LocalEndpoints result;
    std::set<ObjectName> enforced;
    // Of two links for one pod the one with the pod's own name is its, else the later one: the other belongs to a
    // sandbox that is going away.
    std::map<ObjectName, uint32_t> newest;
    for (const bool named : {false, true})
        for (const auto& [ifindex, link] : links)
            if (const Pod* pod = named ? matcher.named(link) : matcher.find(link))
                newest[pod->name] = ifindex;
    for (const auto& [ifindex, link] : links) {
        compile::EndpointSpec spec;
        spec.ifindex = ifindex;
        spec.interface = link.name;
        const Pod* pod = matcher.find(link);
        if (pod && newest[pod->name] == ifindex) {
            spec.addresses = endpoint_addresses(link, *pod);
            spec.pod = pod->name;
            spec.uid = pod->uid;
            enforced.insert(pod->name);
        }
        result.endpoints.push_back(std::move(spec));
    }
    for (const Pod* pod : matcher.local()) {
        if (enforced.contains(pod->name))
            continue;
        auto policies = resolve::policies_selecting(cluster, *pod);
        if (!policies.empty())
            result.unenforced.push_back({pod->name,
                                         fmt::format("no {} interface of this node is the pod's: it has not started "
                                                     "yet, or hangs on a bridge, or is a virtual node's",
                                                     prefixes.text()),
                                         std::move(policies)});
    }
    result.pods.assign(enforced.begin(), enforced.end());
    return result;
}

}  // namespace catflap::agent
