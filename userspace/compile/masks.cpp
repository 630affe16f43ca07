// SPDX-License-Identifier: Apache-2.0
#include "compile/masks.h"

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
        for (uint32_t index = 0; index < classification_.classes.size(); ++index)
            if (holds(set, classification_, index, relevance_, cluster_))
                entry->second.push_back(index);
    return entry->second;
}

IndexMasks MaskMaker::peers(const resolve::DirectionPolicy& policy) {
    IndexMasks masks;
    for (size_t rule = 0; rule < policy.rules.size(); ++rule)
        for (const resolve::SourceSet& set : policy.rules[rule].peers)
            for (const uint32_t index : members(set))
                add(masks, index, rule, policy);
    return masks;
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
    return masks;
}

}  // namespace catflap::compile
