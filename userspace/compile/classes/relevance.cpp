// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/relevance.h"

#include <algorithm>

namespace catflap::compile {

void Relevance::add(const resolve::SourceSet& set) {
    if (!set.blocks.empty())
        block_groups.push_back(set.blocks);
    if (!set.pods)
        return;
    for (const LabelRequirement& requirement : set.pods->pods.requirements)
        label_keys.insert(requirement.key);
    if (set.pods->declares)
        port_names.emplace(set.pods->declares->name, set.pods->declares->protocol);
}

void Relevance::finish() {
    std::ranges::sort(block_groups);
    block_groups.erase(std::unique(block_groups.begin(), block_groups.end()), block_groups.end());
}

bool Relevance::covers(const resolve::SourceSet& set) const {
    if (!set.blocks.empty() && !std::ranges::binary_search(block_groups, set.blocks))
        return false;
    if (!set.pods)
        return true;
    const auto known = [&](const LabelRequirement& requirement) { return label_keys.contains(requirement.key); };
    return std::ranges::all_of(set.pods->pods.requirements, known) &&
           (!set.pods->declares || port_names.contains({set.pods->declares->name, set.pods->declares->protocol}));
}

}  // namespace catflap::compile
