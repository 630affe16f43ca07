// SPDX-License-Identifier: Apache-2.0
// What the datapath's programs cost alone, by BPF_PROG_TEST_RUN, to_pod unless a case says otherwise: net of the same
// driver with an empty program, in ns and in units of L = one lookup that hits in an LRU hash of 10,000 live entries,
// measured in the same round.
#pragma once

#include "bench/traffic/traffic_run.h"

namespace catflap::bench {

inline const std::string kMicroNs = "micro ns";
inline const std::string kMicroL = "micro L";
inline const std::string kMicroRandomL = "micro random L";  // in lookups of random entries
inline const std::string kHotL = "L: a lookup of one entry, over and over";
inline const std::string kRandomL = "a lookup of random entries";

inline const std::string kLinkCase = "ARP, passed";
inline const std::string kUnknownCase = "parsed, endpoint unknown, dropped";
inline const std::string kFlowCase = "established: one of 10,000 live flows";
inline const std::string kAnswerCase = "the same, from the pod";
inline const std::string kRandomFlowsCase = "established: 10,000 live flows at random";
inline const std::string kRandomAnswersCase = "the same at random, from the pod";
inline const std::string kNewFlowCase = "new flow allowed";
inline const std::string kEvictingCase = "new flow allowed, flow cache full";
inline const std::string kDeniedCase = "denied, one source";
inline const std::string kRandomDeniedCase = "denied, random sources";
inline const std::string kLargestMicroStage = "10,000 policies, 100,000 addresses, 250 pods";

double planned_micro_seconds(const Run& run);
Result<> run_micro(Run& run);

}  // namespace catflap::bench
