// SPDX-License-Identifier: Apache-2.0
// A whole run, from the laying out to the report.
#pragma once

#include "base/result.h"
#include "bench/options.h"

namespace catflap::bench {

Result<> run_bench(const Options& options);
// Writes the report of options.report_of into options.out.
Result<> report_again(const Options& options);

}  // namespace catflap::bench
