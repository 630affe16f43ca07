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

#include "compile/classes/blocks.h"
#include "compile/classes/relevance.h"
#include "model/changes.h"
#include "model/cluster.h"
#include "resolve/frontends.h"
#include "resolve/resolve.h"

namespace catflap::compile {

struct Workload {
    std::string ns;
    Labels labels;                 // the relevant ones
    std::vector<NamedPort> ports;  // the relevant ones; sorted
};

constexpr uint32_t kNoFrontend = UINT32_MAX;

struct AddressClass {
    std::vector<uint32_t> workloads;  // indices, sorted; two where an address is claimed by two pods at once
    std::vector<uint32_t> groups;     // indices into Relevance::block_groups, sorted
    uint32_t frontend = kNoFrontend;  // index of the Service frontend whose address it is

    auto operator<=>(const AddressClass&) const = default;
};

// Which address is in which class. Class 0: no pod's address, in no block. Classes are never taken away again: their
// indices stay what they are through every update().
class Classification {
  public:
    // relevance: finished. frontends: may be empty, where only sets are asked for.
    Classification(const Cluster& cluster, Relevance relevance, const std::vector<resolve::Frontend>& frontends);

    // Takes the pods of the changes in, and nothing else of them. Returns the addresses that may have another class
    // now, or none; sorted, unique.
    std::vector<Address> update(const Cluster& cluster, const Changes& changes);

    [[nodiscard]] const Relevance& relevance() const { return relevance_; }
    [[nodiscard]] const std::vector<AddressClass>& classes() const { return classes_; }
    // Of each class; equal keys mean the same class in every classification.
    [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }
    // Classes that no address and no prefix has.
    [[nodiscard]] size_t unused_classes() const { return unused_; }
    // Addresses and prefixes of the class.
    [[nodiscard]] uint32_t uses(uint32_t class_index) const { return uses_[class_index]; }

    // Classes of the frontend's addresses, as far as they are no pod's.
    [[nodiscard]] const std::vector<uint32_t>& classes_of_frontend(uint32_t frontend) const {
        return classes_of_frontend_[frontend];
    }

    struct Entry {
        uint32_t class_index = 0;
        uint32_t workload = 0;  // of the one pod that has the address; else kNobody, or kContested
    };
    static constexpr uint32_t kNobody = UINT32_MAX;         // it is a frontend's
    static constexpr uint32_t kContested = UINT32_MAX - 1;  // several pods'
    [[nodiscard]] const std::unordered_map<Address, Entry>& addresses() const { return addresses_; }
    [[nodiscard]] const std::vector<std::pair<Prefix, uint32_t>>& prefixes() const { return prefixes_; }

    // Of any address, pod's or not.
    [[nodiscard]] uint32_t class_of(const Address& address) const;
    // As if no pod and no frontend had it.
    [[nodiscard]] uint32_t class_outside(const Address& address) const;

    // Does the set hold the class? By the cluster's namespace labels of now. The set is one that relevance covers.
    [[nodiscard]] bool holds(const resolve::SourceSet& set, uint32_t class_index, const Cluster& cluster) const;
    // Would the set hold the address, if it were this pod's? The pod need not be in the cluster.
    [[nodiscard]] bool would_hold(const resolve::SourceSet& set, const Pod& pod, const Address& address,
                                  const Cluster& cluster) const;
    // Every class that the set holds; sorted.
    [[nodiscard]] std::vector<uint32_t> members(const resolve::SourceSet& set, const Cluster& cluster) const;

  private:
    // Of workloads_with_. Label values cannot hold the separator (Kubernetes, label syntax).
    static std::string label_text(const std::string& key, const std::string& value) { return key + "=" + value; }
    uint32_t workload_of(const Pod& pod);
    void add_claim(const Address& address, uint32_t workload);
    void remove_claim(const Address& address, uint32_t workload);
    // By who claims the address now. False: nobody does.
    bool classify(const Address& address, Entry& entry);
    uint32_t index_of(AddressClass address_class);
    Entry& entry_of(const Address& address);
    void move(Entry& entry, uint32_t class_index);
    void use(uint32_t class_index);
    void unuse(uint32_t class_index);
    [[nodiscard]] std::string key_of_class(const AddressClass& address_class) const;
    [[nodiscard]] std::vector<uint32_t> candidates(const resolve::PodMatch& match) const;
    [[nodiscard]] uint32_t group_of(const resolve::SourceSet& set) const;

    Relevance relevance_;
    BlockIndex blocks_;
    std::vector<std::string> group_keys_;
    std::vector<std::string> frontend_names_;
    std::unordered_map<Address, uint32_t> frontend_at_;

    std::vector<Workload> workloads_;
    std::unordered_map<std::string, uint32_t> workload_at_;                  // by key
    std::map<std::string, std::vector<uint32_t>> workloads_of_;              // by namespace
    std::unordered_map<std::string, std::vector<uint32_t>> workloads_with_;  // by "label=value"
    std::vector<uint32_t> plain_class_;                                      // of a workload alone, in no block
    std::vector<std::vector<uint32_t>> classes_of_workload_;
    std::vector<std::vector<uint32_t>> classes_in_group_;
    std::vector<std::vector<uint32_t>> classes_of_frontend_;

    std::vector<AddressClass> classes_;
    std::vector<std::string> keys_;
    std::map<AddressClass, uint32_t> known_;
    std::vector<uint32_t> uses_;  // addresses and prefixes of the class
    size_t unused_ = 0;

    std::unordered_map<Address, Entry> addresses_;
    std::unordered_map<Address, std::vector<uint32_t>> contested_;  // workloads, one for each claim
    std::vector<std::pair<Prefix, uint32_t>> prefixes_;
    std::map<std::vector<uint32_t>, uint32_t> outside_;  // groups -> class of what is no pod's and no frontend's
};

}  // namespace catflap::compile
