// SPDX-License-Identifier: Apache-2.0
// Which events a listener of `catflap monitor` wants to be told of.
#pragma once

#include <optional>
#include <string>

#include "model/address.h"
#include "report/event.h"

namespace catflap::agent {

class EventFilter {
  public:
    // Fails with a sentence about what is wrong with the question.
    static Result<EventFilter> make(const report::MonitorQuestion& question);
    [[nodiscard]] bool takes(const report::EventRow& row) const;

  private:
    // By name or by address; neither: everybody.
    struct End {
        std::string name;  // "ns/pod", a pod's name, "node/NAME"
        std::optional<Prefix> prefix;

        [[nodiscard]] bool is(const report::PacketEnd& end) const;
    };
    static Result<End> end_of(const char* option, const std::string& text);

    std::string pod_;
    std::string ns_;
    std::string policy_;
    std::string reason_;
    std::string protocol_;
    End from_;
    End to_;
    uint16_t port_ = 0;  // 0: all
};

}  // namespace catflap::agent
