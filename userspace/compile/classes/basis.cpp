// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/basis.h"

#include <algorithm>

namespace catflap::compile {
namespace {

// Empty classes cost rows in every table. As many as are in use, and these.
constexpr size_t kEmptyClasses = 1024;

bool covers(const Basis& basis, const resolve::DirectionPolicy& policy) {
    return std::ranges::all_of(policy.rules, [&](const resolve::Rule& rule) {
        const auto known_set = [&](const resolve::SourceSet& set) {
            return basis.classification.relevance().covers(set);
        };
        const auto known_range = [&](const resolve::PortRange& range) { return basis.ranges.contains(range); };
        return std::ranges::all_of(rule.peers, known_set) && std::ranges::all_of(rule.ports, known_range);
    });
}

}  // namespace

void Distinctions::add(const resolve::DirectionPolicy& policy) {
    for (const resolve::Rule& rule : policy.rules) {
        for (const resolve::SourceSet& set : rule.peers)
            relevance.add(set);
        ranges.insert(rule.ports.begin(), rule.ports.end());
    }
}

void Distinctions::add(const std::vector<resolve::Frontend>& frontends) {
    for (const resolve::Frontend& frontend : frontends)
        for (const resolve::FrontendPort& port : frontend.ports)
            ranges.insert({port.protocol, port.port, port.port});
}

Distinctions distinctions_of(const Desired& desired) {
    Distinctions distinctions;
    for (const resolve::PolicyPointer& policy : desired.resolved.policies)
        distinctions.add(*policy);
    distinctions.add(desired.frontends);
    return distinctions;
}

std::unordered_set<Address> backends_of(const std::vector<resolve::Frontend>& frontends) {
    std::unordered_set<Address> backends;
    for (const resolve::Frontend& frontend : frontends)
        for (const resolve::FrontendPort& port : frontend.ports)
            for (const resolve::Backend& backend : port.backends)
                backends.insert(backend.address);
    return backends;
}

bool can_go_on(const Basis& basis, const Desired& desired) {
    const Changes& changes = desired.changes;
    // A namespace's labels are looked at by sets, not by classes: any table may have changed.
    if (changes.everything || changes.namespaces)
        return false;
    if (desired.same_endpoints)
        return true;
    if (desired.frontends != basis.frontends)
        return false;
    return std::ranges::all_of(desired.resolved.policies,
                               [&](const resolve::PolicyPointer& policy) { return covers(basis, *policy); });
}

bool went_too_far(const Basis& basis, const std::vector<Address>& touched) {
    const auto is_backend = [&](const Address& address) { return basis.backends.contains(address); };
    if (std::ranges::any_of(touched, is_backend))
        return true;
    const auto& classes = basis.classification.classes();
    for (size_t index = basis.numbers.size(); index < classes.size(); ++index)
        if (classes[index].frontend != kNoFrontend)
            return true;
    const size_t unused = basis.classification.unused_classes();
    return unused > kEmptyClasses && unused > classes.size() / 2;
}

}  // namespace catflap::compile
