// SPDX-License-Identifier: Apache-2.0
// Looks, in a thread of its own, which rules of others see the packets that this node forwards: to read 20,000 chains
// takes 10 ms, and those of iptables-legacy a program. IPsec policies are among them, counted each second. Nftables are
// looked at when they change, at the latest after a second; iptables-legacy, which tells nobody of its changes, when a
// table has another size, and every ten.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::agent {

class RulesSurvey {
  public:
    // Of the calling thread's network namespace.
    static Result<std::unique_ptr<RulesSurvey>> start();
    // Waits for what is being read.
    ~RulesSurvey();
    RulesSurvey(const RulesSurvey&) = delete;
    RulesSurvey& operator=(const RulesSurvey&) = delete;

    // Readable when findings() may have changed; it is not afterwards.
    [[nodiscard]] int fd() const;
    // Somebody has changed rules.
    void look();
    // A sentence for each; of what cannot be read, why. Nothing: it has not looked yet, or not for ten seconds.
    std::optional<std::vector<std::string>> findings();

  private:
    struct State;
    explicit RulesSurvey(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::agent
