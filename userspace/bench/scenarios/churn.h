// SPDX-License-Identifier: Apache-2.0
// An agent under change: what 150 pod changes/s cost it, and whether traffic notices that its policies are replaced.
#pragma once

#include "bench/traffic/traffic_run.h"

namespace catflap::bench {

inline const std::string kChurn = "churn";
inline const std::string kChurnCpu = "CPU at 150 pod changes/s";
inline const std::string kChurnMemory = "resident memory";
inline const std::string kChurnOwn = "resident memory, beside the maps that it has mapped";
inline const std::string kFullChurn = ", 10,000 policies, 100,000 pods";  // behind the names above
inline const std::string kReplacement = "replacement";
inline const std::string kReplacements = "policies replaced";
inline const std::string kSent = "packets sent meanwhile";
inline const std::string kLost = "packets lost";
inline const std::string kLetThrough = "packets wrongly let through";

double planned_churn_seconds(const Run& run);
Result<> run_churn(Run& run);
Result<> run_replacement(Run& run);

}  // namespace catflap::bench
