// SPDX-License-Identifier: Apache-2.0
// Which rules of a policy hold which classes, under one classification.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "compile/classes/classes.h"
#include "compile/classes/ports.h"
#include "compile/tables/table.h"
#include "resolve/departed.h"

namespace catflap::compile {

// Masks by class index, for the classes that at least one rule holds.
using IndexMasks = std::map<uint32_t, RuleMask>;

// A Service's port whose backends an egress policy judges differently: kube-proxy chooses after us, so all of its
// packets are dropped.
struct MixedService {
    std::vector<PolicyName> policies;  // those that govern the pod
    std::string frontend;
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;

    auto operator<=>(const MixedService&) const = default;
};

class MaskMaker {
  public:
    MaskMaker(const Classification& classification, const Cluster& cluster, const std::vector<PortClass>& port_classes,
              const std::vector<resolve::Frontend>& frontends, const resolve::DepartedPods& departed)
        : classification_(classification),
          cluster_(cluster),
          port_classes_(port_classes),
          frontends_(frontends),
          departed_(departed) {}

    // A frontend's class in an egress table has a mask with FrontendVerdicts behind it.
    [[nodiscard]] IndexMasks peers(const resolve::DirectionPolicy& policy);
    // Of one class, which is no frontend's.
    [[nodiscard]] RuleMask peers_of_class(const resolve::DirectionPolicy& policy, uint32_t class_index) const;
    // Of a class that is the frontend's, in an egress table.
    [[nodiscard]] RuleMask peers_of_frontend(const resolve::DirectionPolicy& policy, const RuleJudge& judge,
                                             uint32_t class_index);
    // By index into the port classes given. In egress tables a frontend's port has a column of its own.
    [[nodiscard]] IndexMasks ports(const resolve::DirectionPolicy& policy) const;
    // What peers() and peers_of_frontend() met so far under this policy. By its address: of two with the same names one
    // may be on its way out.
    [[nodiscard]] std::set<MixedService> mixed(const resolve::DirectionPolicy& policy) const {
        const auto met = mixed_.find(&policy);
        return met == mixed_.end() ? std::set<MixedService>{} : met->second;
    }
    // The classes that the set holds, as indices.
    [[nodiscard]] const std::vector<uint32_t>& members(const resolve::SourceSet& set);

  private:
    // What one frontend port leads to, each once.
    struct Target {
        uint32_t class_index = 0;
        uint16_t port = 0;
        std::optional<Address> departed;  // judged as its departed pod, not by the class

        auto operator<=>(const Target&) const = default;
    };

    const std::vector<std::set<Target>>& targets(uint32_t frontend);
    [[nodiscard]] RuleMask peers_of_departed(const resolve::DirectionPolicy& policy, const Address& address) const;
    void add_frontends(const resolve::DirectionPolicy& policy, IndexMasks& masks);
    // own: the mask that the rules give the class. mask_of: the one that they give any class.
    template <class MaskOf>
    RuleMask with_verdicts(const resolve::DirectionPolicy& policy, const RuleJudge& judge, uint32_t frontend,
                           const RuleMask& own, MaskOf mask_of);

    const Classification& classification_;
    const Cluster& cluster_;
    const std::vector<PortClass>& port_classes_;
    const std::vector<resolve::Frontend>& frontends_;
    const resolve::DepartedPods& departed_;
    std::map<uint32_t, std::vector<std::set<Target>>> targets_;  // by frontend, then by its port
    std::map<resolve::SourceSet, std::vector<uint32_t>> members_;
    std::map<const resolve::DirectionPolicy*, std::set<MixedService>> mixed_;
};

}  // namespace catflap::compile
