// SPDX-License-Identifier: Apache-2.0
// What a scrape of metrics shows, gathered a page at a time: so long a list as there may be, a policy change waits for
// one page at most.
#pragma once

#include <optional>
#include <string>

#include "metrics/snapshot.h"
#include "report/page.h"

namespace catflap::agent {

struct AgentState;

class Collection {
  public:
    // rows: of endpoints, and of policies, so many at most. limits: of one step.
    explicit Collection(size_t rows, const report::PageLimits& limits = {}) : rows_(rows), limits_(limits) {}

    // True: it is whole.
    bool step(const AgentState& state);
    [[nodiscard]] metrics::Snapshot take() && { return std::move(snapshot_); }

  private:
    void take_row(const report::Row& row);

    size_t rows_;
    report::PageLimits limits_;
    size_t kind_ = 0;    // of those that are gathered
    std::string after_;  // the cursor in its list
    metrics::Snapshot snapshot_;
};

}  // namespace catflap::agent
