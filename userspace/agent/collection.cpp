// SPDX-License-Identifier: Apache-2.0
#include "agent/collection.h"

#include <array>

#include "agent/agent.h"
#include "agent/answers.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array kGathered = {report::Kind::endpoints, report::Kind::policies, report::Kind::drops};

// A node has nothing to say of most policies of a cluster.
bool concerns_this_node(const report::PolicyRow& row) {
    const report::AllowedAndDropped counted = row.counted.sum();
    return row.endpoints > 0 || counted.allowed.packets > 0 || counted.dropped.packets > 0;
}

template <class Row>
void keep(std::vector<Row>& rows, size_t most, size_t& left_out, const Row& row) {
    if (rows.size() < most)
        rows.push_back(row);
    else
        ++left_out;
}

}  // namespace

void Collection::take_row(const report::Row& row) {
    if (const auto* endpoint = std::get_if<report::EndpointRow>(&row))
        keep(snapshot_.endpoints, rows_, snapshot_.endpoints_left_out, *endpoint);
    else if (const auto* policy = std::get_if<report::PolicyRow>(&row)) {
        if (concerns_this_node(*policy))
            keep(snapshot_.policies, rows_, snapshot_.policies_left_out, *policy);
    } else if (const auto* drop = std::get_if<report::DropRow>(&row)) {
        snapshot_.drops.push_back(*drop);
    }
}

bool Collection::step(const AgentState& state) {
    const auto begin = Clock::now();
    const bool listed = kind_ == kGathered.size();
    if (listed) {
        snapshot_.status = status_of(state);
        snapshot_.durations = state.durations;
    } else {
        report::Page page({.kind = kGathered[kind_], .after = after_}, limits_,
                          [this](const report::Row& row) { take_row(row); });
        // An agent that is starting has nothing to list.
        const bool done = state.enforcing && list(state, page);
        snapshot_.incomplete |= state.enforcing && !done;
        after_ = done ? page.next() : "";
        kind_ += after_.empty() ? 1 : 0;
    }
    snapshot_.loop_time += std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
    return listed;
}

}  // namespace catflap::agent
