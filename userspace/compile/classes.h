// SPDX-License-Identifier: Apache-2.0
// Address classes: addresses that no policy can tell apart. A pod's class is its workload (namespace, and the labels
// and port names that some selector in use mentions) and the ipBlocks that its address lies in. A new policy therefore
// seldom moves an address: it changes which classes a set holds, and a cluster has few workloads.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compile/blocks.h"
#include "model/cluster.h"
#include "resolve/frontends.h"
#include "resolve/resolve.h"

namespace catflap::compile {

// What the sets in use look at: whatever they do not mention cannot tell addresses apart.
struct Relevance {
    std::set<std::string> label_keys;
    std::set<std::pair<std::string, Protocol>> port_names;
    std::vector<BlockGroup> block_groups;  // sorted, unique

    void add(const resolve::SourceSet& set);
    void finish();  // sorts block_groups; call once after the last add()
};

struct Workload {
    std::string ns;
    Labels labels;                 // the relevant ones
    std::vector<NamedPort> ports;  // the relevant ones; sorted

    auto operator<=>(const Workload&) const = default;
};

constexpr uint32_t kNoFrontend = UINT32_MAX;

struct AddressClass {
    std::vector<uint32_t> workloads;  // indices, sorted; two where an address is claimed by two pods at once
    std::vector<uint32_t> groups;     // indices into Relevance::block_groups, sorted
    uint32_t frontend = kNoFrontend;  // index of the Service frontend whose address it is

    auto operator<=>(const AddressClass&) const = default;
};

// Which address is in which class. Class 0: no pod's address, in no block.
struct Classification {
    BlockIndex blocks{{}};
    std::vector<Workload> workloads;
    std::vector<AddressClass> classes;
    std::vector<std::string> keys;  // of each class; equal keys mean the same class in every classification
    std::unordered_map<Address, uint32_t> addresses;
    std::vector<std::pair<Prefix, uint32_t>> prefixes;
    std::map<std::vector<uint32_t>, uint32_t>
        outside;  // groups -> class of addresses that are no pod's and no frontend's

    // Of any address, pod's or not.
    [[nodiscard]] uint32_t class_of(const Address& address) const;
    [[nodiscard]] uint32_t class_outside(const Address& address) const;
};

// frontends: may be empty, where only sets are asked for.
Classification classify_addresses(const Cluster& cluster, const Relevance& relevance,
                                  const std::vector<resolve::Frontend>& frontends);

// Does the set hold the class? By the cluster's namespace labels of now.
bool holds(const resolve::SourceSet& set, const Classification& classification, uint32_t class_index,
           const Relevance& relevance, const Cluster& cluster);

}  // namespace catflap::compile
