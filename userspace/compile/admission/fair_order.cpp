// SPDX-License-Identifier: Apache-2.0
#include "compile/admission/fair_order.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace catflap::compile {
namespace {

// An object that does not say when it was made is younger than those that do.
std::string age(const Candidate& candidate) {
    return candidate.created.empty() ? "9999" : candidate.created;
}

// How many different values pods have for each of the keys.
std::map<std::string, size_t> values_of(const Cluster& cluster, const std::set<std::string>& keys) {
    std::map<std::string, std::set<std::string_view>> values;
    for (const auto& [name, pod] : cluster.pods) {
        if (!is_policed(pod) || pod.addresses.empty())
            continue;
        for (const auto& [key, value] : pod.labels)
            if (keys.contains(key))
                values[key].insert(value);
    }
    std::map<std::string, size_t> counts;
    for (const auto& [key, of_key] : values)
        counts[key] = of_key.size();
    return counts;
}

struct Size {
    size_t rules = 0;
    size_t ports = 0;
    size_t prefixes = 0;
    std::set<std::string> keys;  // of labels, in its peers
};

Size size_of(const Policy& policy) {
    Size size;
    for (const auto* rules : {&policy.ingress, &policy.egress})
        for (const PolicyRule& rule : *rules) {
            ++size.rules;
            size.ports += rule.ports.size();
            for (const PolicyPeer& peer : rule.peers) {
                if (peer.ip_block)
                    size.prefixes += 1 + peer.ip_block->except.size();
                if (peer.pods)
                    for (const LabelRequirement& requirement : peer.pods->requirements)
                        size.keys.insert(requirement.key);
            }
        }
    return size;
}

double weight_of(const Size& size, const std::map<std::string, size_t>& values, const Limits& limits) {
    size_t labels = 0;
    for (const std::string& key : size.keys)
        if (const auto found = values.find(key); found != values.end())
            labels += found->second;
    const auto share = [](size_t of, size_t limit) { return static_cast<double>(of) / static_cast<double>(limit); };
    const size_t masks = size.rules * (size.ports + size.prefixes + 1) / 8;
    return std::max({share(size.rules + 1, limits.decisions), share(size.ports, limits.port_classes),
                     share(size.prefixes, limits.prefixes), share(labels, limits.classes),
                     share(masks, limits.mask_bytes)});
}

}  // namespace

std::vector<ObjectName> in_fair_order(std::vector<Candidate> candidates) {
    std::ranges::sort(candidates, {},
                      [](const Candidate& one) { return std::tuple(one.name.ns, age(one), one.name.name); });
    // The next of each namespace, by what the namespace has then.
    std::set<std::tuple<double, std::string, ObjectName, size_t>> turns;
    const auto take_turn = [&](size_t index, double before) {
        const Candidate& next = candidates[index];
        turns.emplace(before + next.weight, age(next), next.name, index);
    };
    for (size_t i = 0; i < candidates.size(); ++i)
        if (i == 0 || candidates[i - 1].name.ns != candidates[i].name.ns)
            take_turn(i, 0);
    std::vector<ObjectName> order;
    while (!turns.empty()) {
        const auto [has, created, name, index] = *turns.begin();
        turns.erase(turns.begin());
        order.push_back(name);
        if (index + 1 < candidates.size() && candidates[index + 1].name.ns == name.ns)
            take_turn(index + 1, has);
    }
    return order;
}

std::vector<ObjectName> in_fair_order(const Cluster& cluster, const std::vector<ObjectName>& policies,
                                      const Limits& limits) {
    std::vector<Size> sizes;
    std::set<std::string> keys;
    for (const ObjectName& name : policies) {
        sizes.push_back(size_of(cluster.policies.at(name)));
        keys.insert(sizes.back().keys.begin(), sizes.back().keys.end());
    }
    const auto values = values_of(cluster, keys);
    std::vector<Candidate> candidates;
    for (size_t i = 0; i < policies.size(); ++i)
        candidates.push_back(
            {policies[i], cluster.policies.at(policies[i]).created, weight_of(sizes[i], values, limits)});
    return in_fair_order(std::move(candidates));
}

}  // namespace catflap::compile
