// SPDX-License-Identifier: Apache-2.0
// What a plan found out about the cluster: its classes and their numbers. Where only pods and policies have changed,
// and the policies tell nothing new apart, the next plan goes on from it, and its work is in proportion to the change.
#pragma once

#include <set>
#include <unordered_set>
#include <vector>

#include "compile/plan/loaded.h"
#include "compile/classes/masks.h"

namespace catflap::compile {

struct Basis {
    Classification classification;
    std::vector<ClassNumber> numbers;  // by class index
    std::set<resolve::PortRange> ranges;
    std::vector<PortClass> port_classes;
    std::vector<uint16_t> port_numbers;  // by index into port_classes
    std::vector<resolve::Frontend> frontends;
    std::unordered_set<Address> backends;  // of the frontends
    std::set<MixedService> mixed;          // of the tables of now
};

// What rules and frontends tell apart.
struct Distinctions {
    Relevance relevance;
    std::set<resolve::PortRange> ranges;

    void add(const resolve::DirectionPolicy& policy);
    void add(const std::vector<resolve::Frontend>& frontends);
};
Distinctions distinctions_of(const Desired& desired);

std::unordered_set<Address> backends_of(const std::vector<resolve::Frontend>& frontends);

// Everything that changed can be taken in by update() and by new tables. It says nothing of what only turns out then:
// see went_too_far().
bool can_go_on(const Basis& basis, const Desired& desired);
// After update() touched these addresses: some Service's answer may have changed, or too many classes are empty.
bool went_too_far(const Basis& basis, const std::vector<Address>& touched);

}  // namespace catflap::compile
