// SPDX-License-Identifier: Apache-2.0
// Who listens to single packets (`catflap monitor`), and what each of them is told. Never waits for a listener, and
// never reads more events than a bounded share of the loop's time: what is too much is counted as lost.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "agent/event_filter.h"
#include "agent/event_names.h"
#include "control/control_server.h"
#include "engine/engine.h"
#include "report/event.h"

namespace catflap::agent {

struct AgentState;

class Monitor {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr size_t kMostListeners = 16;  // of the 64 clients that the control socket has at once
    static constexpr std::chrono::milliseconds kInterval{50};
    static constexpr size_t kMostEvents = 100;  // in each interval

    // Returns the number of his stream. Fails with what is wrong with the question, or why nobody can be told.
    Result<uint64_t> begin(const report::MonitorQuestion& question, const AgentState& state);
    // Reads what there is, if it is time, and tells it.
    void look(const AgentState& state, control::ControlServer& control);
    // When there is something to do; nothing: nobody listens.
    [[nodiscard]] std::optional<Clock::time_point> next_look() const;

  private:
    struct Listener {
        EventFilter filter;
        bool flows = false;
        bool heads = false;
        report::LostEvents lost;
        uint64_t told = 0;  // of lost
    };
    [[nodiscard]] engine::Listening wanted() const;
    void tell(const report::EventRow& row, control::ControlServer& control);
    void count_losses(const engine::Engine& engine);
    void tell_losses(control::ControlServer& control);

    std::map<uint64_t, Listener> listeners_;  // by stream
    uint64_t last_stream_ = 0;
    EventNames names_;
    const engine::Engine* engine_ = nullptr;  // whose losses these are
    engine::EventLosses losses_;
    bool listening_ = false;  // the engine was told so
    Clock::time_point look_at_{};
    Clock::time_point tell_losses_at_{};
};

// In words, with names.
report::EventRow row_of(const engine::Event& event, const AgentState& state, const EventNames& names);

}  // namespace catflap::agent
