// SPDX-License-Identifier: Apache-2.0
// What a plan found out about the cluster: its classes and their numbers. Where only pods and policies have changed,
// and the policies tell nothing new apart, the next plan goes on from it, and its work is in proportion to the change.
#pragma once

#include <set>
#include <unordered_map>
#include <vector>

#include "compile/plan/loaded.h"
#include "compile/classes/masks.h"

namespace catflap::compile {

// Which frontends lead to an address: indices, sorted, unique.
using BackendIndex = std::unordered_map<Address, std::vector<uint32_t>>;
BackendIndex backends_of(const std::vector<resolve::Frontend>& frontends);

struct Basis {
    Classification classification;
    std::vector<ClassNumber> numbers;  // by class index
    std::set<resolve::PortRange> ranges;
    std::vector<PortClass> port_classes;
    std::vector<uint16_t> port_numbers;  // by index into port_classes
    std::vector<resolve::Frontend> frontends;
    BackendIndex backends;         // of the frontends
    std::set<MixedService> mixed;  // of the tables of now
    bool doubted = false;          // any frontend may lead elsewhere, though it looks the same
};

// What rules and frontends tell apart.
struct Distinctions {
    Relevance relevance;
    std::set<resolve::PortRange> ranges;

    void add(const resolve::DirectionPolicy& policy);
    void add(const std::vector<resolve::Frontend>& frontends);
};
Distinctions distinctions_of(const Desired& desired);

// Everything that changed can be taken in by update() and by new tables. It says nothing of what only turns out then:
// see went_too_far().
bool can_go_on(const Basis& basis, const Desired& desired);
// After update(): a frontend has a new class, or too many classes are empty.
bool went_too_far(const Basis& basis);
// Frontends whose answer may have changed: they lead elsewhere than those of the basis do, or to one of the touched
// addresses. Indices, sorted, unique. The basis takes the frontends over.
std::vector<uint32_t> take_frontends(Basis& basis, const Desired& desired, const std::vector<Address>& touched);

}  // namespace catflap::compile
