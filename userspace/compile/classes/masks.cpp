// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/masks.h"

#include <algorithm>

namespace catflap::compile {
namespace {

void add(IndexMasks& masks, uint32_t index, size_t rule, const resolve::DirectionPolicy& policy) {
    const auto [entry, added] = masks.try_emplace(index);
    if (added)
        entry->second = empty_mask(policy);
    set_rule(entry->second, rule);
}

}  // namespace

const std::vector<uint32_t>& MaskMaker::members(const resolve::SourceSet& set) {
    const auto [entry, added] = members_.try_emplace(set);
    if (added)
        entry->second = classification_.members(set, cluster_);
    return entry->second;
}

RuleMask MaskMaker::peers_of_class(const resolve::DirectionPolicy& policy, uint32_t class_index) const {
    RuleMask mask = empty_mask(policy);
    for (size_t rule = 0; rule < policy.rules.size(); ++rule)
        for (const resolve::SourceSet& set : policy.rules[rule].peers)
            if (classification_.holds(set, class_index, cluster_))
                set_rule(mask, rule);
    return mask;
}

IndexMasks MaskMaker::peers(const resolve::DirectionPolicy& policy) {
    IndexMasks masks;
    for (size_t rule = 0; rule < policy.rules.size(); ++rule)
        for (const resolve::SourceSet& set : policy.rules[rule].peers)
            for (const uint32_t index : members(set))
                add(masks, index, rule, policy);
    if (policy.direction == resolve::Direction::egress)
        add_frontends(policy, masks);
    return masks;
}

const std::vector<std::set<MaskMaker::Target>>& MaskMaker::targets(uint32_t frontend) {
    const auto [entry, added] = targets_.try_emplace(frontend);
    if (!added)
        return entry->second;
    for (const resolve::FrontendPort& port : frontends_[frontend].ports) {
        auto& leads_to = entry->second.emplace_back();
        for (const resolve::Backend& backend : port.backends)
            leads_to.insert({classification_.class_of(backend.address), backend.port,
                             departed_.contains(backend.address) ? std::optional(backend.address) : std::nullopt});
    }
    return entry->second;
}

RuleMask MaskMaker::peers_of_departed(const resolve::DirectionPolicy& policy, const Address& address) const {
    const Pod& pod = departed_.at(address);
    RuleMask mask = empty_mask(policy);
    for (size_t rule = 0; rule < policy.rules.size(); ++rule)
        for (const resolve::SourceSet& set : policy.rules[rule].peers)
            if (classification_.would_hold(set, pod, address, cluster_))
                set_rule(mask, rule);
    return mask;
}

// kube-proxy chooses the backend after us: a frontend's port passes where every backend that it may choose would.
template <class MaskOf>
RuleMask MaskMaker::with_verdicts(const resolve::DirectionPolicy& policy, const RuleJudge& judge, uint32_t frontend,
                                  const RuleMask& own, MaskOf mask_of) {
    RuleMask mask = own;
    for (size_t i = 0; i < frontends_[frontend].ports.size(); ++i) {
        const resolve::FrontendPort& port = frontends_[frontend].ports[i];
        // Without any backend nothing tells what the packet may meet.
        FrontendVerdict verdict{port_tag(port.protocol, port.port), judge.refusal()};
        size_t allowed = 0;
        uint64_t refusing = kUndecided;
        for (const Target& target : targets(frontend)[i]) {
            const RuleMask peers =
                target.departed ? peers_of_departed(policy, *target.departed) : mask_of(target.class_index);
            const uint64_t rule = judge.deciding(peers, port.protocol, target.port);
            (judge.allows(rule) ? verdict.rule : refusing) = rule;
            allowed += judge.allows(rule);
        }
        if (allowed < targets(frontend)[i].size()) {
            verdict.rule = refusing;
            if (allowed > 0)
                mixed_[&policy].insert({policy.policies, frontends_[frontend].name, port.protocol, port.port});
        }
        if (verdict.rule != judge.deciding(own, port.protocol, port.port))
            append(mask, verdict);
    }
    return mask;
}

void MaskMaker::add_frontends(const resolve::DirectionPolicy& policy, IndexMasks& masks) {
    if (frontends_.empty())
        return;
    const RuleJudge judge(policy);
    const IndexMasks by_rules = masks;
    const auto mask_of = [&](uint32_t index) {
        const auto found = by_rules.find(index);
        return found == by_rules.end() ? empty_mask(policy) : found->second;
    };
    for (uint32_t frontend = 0; frontend < frontends_.size(); ++frontend)
        for (const uint32_t index : classification_.classes_of_frontend(frontend))
            masks[index] = with_verdicts(policy, judge, frontend, mask_of(index), mask_of);
}

RuleMask MaskMaker::peers_of_frontend(const resolve::DirectionPolicy& policy, const RuleJudge& judge,
                                      uint32_t class_index) {
    return with_verdicts(policy, judge, classification_.classes()[class_index].frontend,
                         peers_of_class(policy, class_index),
                         [&](uint32_t index) { return peers_of_class(policy, index); });
}

IndexMasks MaskMaker::ports(const resolve::DirectionPolicy& policy) const {
    std::map<resolve::PortRange, std::vector<uint32_t>> rules_of;
    for (uint32_t rule = 0; rule < policy.rules.size(); ++rule)
        for (const resolve::PortRange& range : policy.rules[rule].ports)
            rules_of[range].push_back(rule);
    IndexMasks masks;
    for (uint32_t index = 0; index < port_classes_.size(); ++index)
        for (const resolve::PortRange& range : port_classes_[index].ranges)
            if (const auto rules = rules_of.find(range); rules != rules_of.end())
                for (const uint32_t rule : rules->second)
                    add(masks, index, rule, policy);
    if (policy.direction != resolve::Direction::egress)
        return masks;
    std::set<uint64_t> tags;
    for (const resolve::Frontend& frontend : frontends_)
        for (const resolve::FrontendPort& port : frontend.ports)
            tags.insert(port_tag(port.protocol, port.port));
    for (uint32_t index = 0; index < port_classes_.size(); ++index)
        for (const resolve::PortRange& range : port_classes_[index].ranges)
            if (const uint64_t tag = port_tag(range.protocol, range.first);
                range.first == range.last && tags.contains(tag))
                masks.try_emplace(index, empty_mask(policy)).first->second.back() = tag;
    return masks;
}

}  // namespace catflap::compile
