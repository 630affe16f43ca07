// SPDX-License-Identifier: Apache-2.0
// A snapshot as Prometheus reads it: text format 0.0.4. The names and labels are a contract (docs/metrics.md).
//
// To add a metric: a value in report/ or snapshot.h, a line in text.cpp, a line in docs/metrics.md, which a test
// compares with what is printed.
#pragma once

#include <string>

#include "metrics/snapshot.h"

namespace catflap::metrics {

std::string text_of(const Snapshot& snapshot);

}  // namespace catflap::metrics
