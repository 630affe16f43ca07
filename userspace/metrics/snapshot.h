// SPDX-License-Identifier: Apache-2.0
// All that a scrape shows, as plain values: the loop fills it, another thread turns it into text.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "metrics/histogram.h"
#include "report/rows.h"
#include "report/status.h"

namespace catflap::metrics {

// How long the agent took, since it started.
struct Durations {
    Histogram commit;  // a change computed and brought into the kernel
    // From when a change was seen until it was enforced: of what nobody may wait for, and of the rest.
    Histogram urgent;
    Histogram patient;
};

struct Snapshot {
    report::Status status;
    std::vector<report::EndpointRow> endpoints;
    std::vector<report::PolicyRow> policies;  // with an endpoint here, or that counted something
    std::vector<report::DropRow> drops;
    size_t endpoints_left_out = 0;  // beyond the limit of rows
    size_t policies_left_out = 0;
    bool incomplete = false;  // a list could not be made: its rows are missing
    Durations durations;
    std::chrono::microseconds loop_time{};  // that the loop spent on this
};

}  // namespace catflap::metrics
