// SPDX-License-Identifier: Apache-2.0
// Addresses of packets -> who has them, for people.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

#include "model/cluster.h"

namespace catflap::agent {

class EventNames {
  public:
    // version: another one may mean another cluster. The names are made anew then, but not so often that a large
    // cluster which changes all the time costs more than a small share of a CPU.
    void update(const Cluster& cluster, uint64_t version);
    // "ns/pod", "node/NAME"; "": the cluster has none of this address.
    [[nodiscard]] std::string name_of(const Address& address) const;

  private:
    using Clock = std::chrono::steady_clock;
    std::unordered_map<Address, std::string> names_;
    std::optional<uint64_t> version_;
    Clock::time_point not_before_{};
};

}  // namespace catflap::agent
