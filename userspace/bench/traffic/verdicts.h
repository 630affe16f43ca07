// SPDX-License-Identifier: Apache-2.0
// Before anything is timed: every mode must let the same packets through, and the right ones. A fast engine that is
// wrong is no engine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/lab/site.h"

namespace catflap::bench {

struct Probe {
    PodPlace from;
    PodPlace to;
    bool tcp = false;
    uint16_t port = 0;
    bool allowed = false;  // by the policies as written

    [[nodiscard]] std::string text() const;  // "far-client -> server 8000/UDP"
};

// What a stage's policies say about clients and strangers. far_only: the node has no other pods than the server.
std::vector<Probe> stage_probes(bool far_only);
// Of mixed_policy_text() beside the first stage's.
std::vector<Probe> mixed_probes();

// Whether the probe's packet arrived.
Result<bool> arrives(const Site& site, const Probe& probe);

// Mode -> what it did with each probe. A mode that enforces nothing must let all of them through, else its path is
// broken. Empty: all agree.
std::vector<std::string> disagreements(const std::vector<Probe>& probes,
                                       const std::map<std::string, std::vector<bool>>& verdicts,
                                       const std::vector<Mode>& modes);

// Runs them in all modes. Fails with every disagreement.
Result<> compare_verdicts(const std::vector<std::unique_ptr<Site>>& sites, const std::vector<Probe>& probes);

}  // namespace catflap::bench
