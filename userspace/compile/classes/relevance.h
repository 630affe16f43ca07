// SPDX-License-Identifier: Apache-2.0
// What the source sets in use look at. Whatever they do not mention cannot tell addresses apart.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compile/classes/blocks.h"
#include "model/cluster.h"
#include "resolve/resolve.h"

namespace catflap::compile {

struct Relevance {
    std::set<std::string> label_keys;
    std::set<std::pair<std::string, Protocol>> port_names;
    std::vector<BlockGroup> block_groups;  // sorted, unique

    void add(const resolve::SourceSet& set);
    void finish();  // sorts block_groups; call once after the last add()
    // Nothing in the set tells addresses apart that are not told apart already. Of a finished one.
    [[nodiscard]] bool covers(const resolve::SourceSet& set) const;
};

}  // namespace catflap::compile
