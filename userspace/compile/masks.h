// SPDX-License-Identifier: Apache-2.0
// Which rules of a policy hold which classes, under one classification.
#pragma once

#include <map>
#include <vector>

#include "compile/classes.h"
#include "compile/ports.h"
#include "compile/table.h"

namespace catflap::compile {

// Masks by class index, for the classes that at least one rule holds.
using IndexMasks = std::map<uint32_t, RuleMask>;

class MaskMaker {
  public:
    MaskMaker(const Classification& classification, const Relevance& relevance, const Cluster& cluster,
              const std::vector<PortClass>& port_classes)
        : classification_(classification), relevance_(relevance), cluster_(cluster), port_classes_(port_classes) {}

    [[nodiscard]] IndexMasks peers(const resolve::DirectionPolicy& policy);
    // By index into the port classes given.
    [[nodiscard]] IndexMasks ports(const resolve::DirectionPolicy& policy) const;
    // The classes that the set holds, as indices.
    [[nodiscard]] const std::vector<uint32_t>& members(const resolve::SourceSet& set);

  private:
    const Classification& classification_;
    const Relevance& relevance_;
    const Cluster& cluster_;
    const std::vector<PortClass>& port_classes_;
    std::map<resolve::SourceSet, std::vector<uint32_t>> members_;
};

}  // namespace catflap::compile
