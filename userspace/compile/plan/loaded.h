// SPDX-License-Identifier: Apache-2.0
// What the datapath holds, as its only writer knows it, and what it is to hold.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compile/classes/classes.h"
#include "compile/plan/limits.h"
#include "compile/plan/pool.h"
#include "compile/classes/ports.h"
#include "compile/tables/table.h"
#include "resolve/departed.h"
#include "resolve/frontends.h"

namespace catflap::compile {

// A veth, and the pod on it. Without a pod everything on it is dropped.
struct EndpointSpec {
    uint32_t ifindex = 0;
    std::string interface;
    std::optional<ObjectName> pod;
    std::string uid;                     // with the name and the addresses: the pod's identity
    std::array<Address, 2> addresses{};  // IPv4, IPv6; unset: none

    bool operator==(const EndpointSpec&) const = default;
};

inline const std::vector<resolve::Frontend> kNoFrontends;
inline const resolve::DepartedPods kNoDepartedPods;

struct Desired {
    const Cluster& cluster;
    const resolve::Resolved& resolved;
    const std::vector<EndpointSpec>& endpoints;
    const std::vector<resolve::Frontend>& frontends = kNoFrontends;
    Changes changes = Changes::all();                         // of the cluster, since the last commit was tried
    bool same_endpoints = false;                              // so are resolved, endpoints and frontends
    const resolve::DepartedPods& departed = kNoDepartedPods;  // behind the frontends
};

// What an earlier agent left of an endpoint: if the same pod is still there, its flows and counters are its own.
struct AdoptedSlot {
    std::array<uint64_t, 2> pod_identity{};
    std::array<Address, 2> addresses{};
    uint32_t slot = 0;
    uint32_t first_generation = 0;
};

using TablePointer = std::shared_ptr<Table>;

struct LoadedEndpoint {
    EndpointSpec spec;
    uint32_t slot = 0;
    uint32_t generation = 0;
    uint32_t first_generation = 0;
    uint32_t config = 0;                 // 0: no pod
    std::array<TablePointer, 2> tables;  // by resolve::Direction
};

// The numbers that the datapath knows things by.
struct Pools {
    explicit Pools(const Limits& limits)
        : classes(1, limits.classes),
          port_classes(1, limits.port_classes),
          slots(0, limits.endpoints),
          pages(limits.pages) {}

    NumberPool classes;
    NumberPool port_classes;
    NumberPool configs{1, CATFLAP_MAX_CONFIGS};
    NumberPool slots;
    PagePool pages;

    [[nodiscard]] bool is_short(uint32_t of_so_many) const {
        return configs.short_of_numbers(of_so_many) || classes.short_of_numbers(of_so_many) ||
               port_classes.short_of_numbers(of_so_many) || slots.short_of_numbers(of_so_many) ||
               pages.short_of_pages(of_so_many);
    }
};

constexpr std::array<Protocol, 3> kPortProtocols = {Protocol::tcp, Protocol::udp, Protocol::sctp};

struct Basis;

struct Loaded {
    explicit Loaded(const Limits& of_the_store = {})
        : limits(of_the_store), pools(limits), decisions(limits.decisions, limits.names) {}

    Limits limits;
    std::unordered_map<Address, ClassNumber> addresses;
    std::map<Prefix, ClassNumber> prefixes;
    std::unordered_map<std::string, ClassNumber> class_numbers = {{"", 0}};  // by Classification::keys
    std::unordered_map<ClassNumber, std::string> class_keys = {{0, ""}};

    std::map<PortClass, uint16_t> port_numbers = {{PortClass{}, 0}};
    std::array<std::vector<uint16_t>, 3> ports{std::vector<uint16_t>(65536), std::vector<uint16_t>(65536),
                                               std::vector<uint16_t>(65536)};  // by kPortProtocols

    std::vector<TablePointer> tables;
    std::vector<TablePointer> retiring;            // no endpoint's any more, but a packet may still be reading them
    std::map<uint32_t, LoadedEndpoint> endpoints;  // by ifindex
    std::vector<uint32_t> last_generation = std::vector<uint32_t>(CATFLAP_MAX_ENDPOINTS);  // by slot; never goes back

    std::map<uint32_t, AdoptedSlot> adopted;  // by ifindex; until the first commit

    Pools pools;
    DecisionRegistry decisions;
    std::shared_ptr<Basis> basis;  // of the last commit, if it succeeded
    // Only ever grow: to forget that a label tells pods apart would move addresses for nothing.
    std::set<std::string> label_keys;
    std::set<std::pair<std::string, Protocol>> port_names;
};

}  // namespace catflap::compile
