// SPDX-License-Identifier: Apache-2.0
#include "agent/monitor.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/agent.h"

namespace catflap::agent {

Result<uint64_t> Monitor::begin(const report::MonitorQuestion& question, const AgentState& state) {
    auto filter = EventFilter::make(question);
    if (!filter)
        return tl::unexpected(Error{EINVAL, filter.error().message});
    if (!state.engine || !state.source)
        return fail("the datapath is being loaded, try again");
    if (listeners_.size() >= kMostListeners)
        return fail("{} monitors listen already, which is the limit: end one of them", listeners_.size());
    engine::Listening wish = wanted();
    wish.drops = true;
    wish.flows |= question.flows;
    wish.heads |= question.heads;
    if (auto done = state.engine->listen(wish); !done)
        return tl::unexpected(done.error());
    if (!std::exchange(listening_, true)) {
        engine_ = state.engine.get();
        losses_ = engine_->event_losses();
        look_at_ = Clock::now() + kInterval;
    }
    Listener listener;
    listener.filter = std::move(*filter);
    listener.flows = question.flows;
    listener.heads = question.heads;
    listeners_.emplace(++last_stream_, std::move(listener));
    return last_stream_;
}

engine::Listening Monitor::wanted() const {
    engine::Listening wish;
    wish.drops = !listeners_.empty();
    for (const auto& [stream, listener] : listeners_) {
        wish.flows |= listener.flows;
        wish.heads |= listener.heads;
    }
    return wish;
}

std::optional<Monitor::Clock::time_point> Monitor::next_look() const {
    return listening_ ? std::optional(look_at_) : std::nullopt;
}

// Between the number's being given and the first look the server has seen to it that the stream is there.
void Monitor::look(const AgentState& state, control::ControlServer& control) {
    const auto now = Clock::now();
    if (!listening_ || now < look_at_)
        return;
    look_at_ = now + kInterval;
    std::erase_if(listeners_, [&](const auto& entry) { return !control.has_stream(entry.first); });
    if (!state.engine || !state.source)
        return;  // it is being loaded anew
    engine::Engine& engine = *state.engine;
    listening_ = !listeners_.empty();
    if (auto done = engine.listen(wanted()); !done)
        spdlog::warn("monitor: {}", done.error().message);
    if (!listening_)
        return;
    bool named = false;
    engine.read_events(kMostEvents, [&](const engine::Event& event) {
        if (!std::exchange(named, true))
            names_.update(state.source->cluster(), state.commits);
        tell(row_of(event, state, names_), control);
    });
    count_losses(engine);
    if (now >= tell_losses_at_) {
        tell_losses_at_ = now + std::chrono::seconds(1);
        tell_losses(control);
    }
}

void Monitor::tell(const report::EventRow& row, control::ControlServer& control) {
    std::array<std::string, 2> lines;  // without the frame's beginning, and with it; made for the first who wants one
    for (auto& [stream, listener] : listeners_) {
        if ((row.verdict == report::PacketVerdict::allowed && !listener.flows) || !listener.filter.takes(row))
            continue;
        std::string& line = lines[listener.heads ? 1 : 0];
        if (line.empty())
            line = to_line(row, listener.heads);
        if (!control.send(stream, line))
            ++listener.lost.unread;
    }
}

// Nobody knows whether they would have passed a filter.
void Monitor::count_losses(const engine::Engine& engine) {
    const engine::EventLosses now = engine.event_losses();
    if (std::exchange(engine_, &engine) != &engine || now.limited < losses_.limited || now.full < losses_.full)
        losses_ = {};  // another engine counts from 0
    for (auto& [stream, listener] : listeners_) {
        listener.lost.limited += now.limited - losses_.limited;
        listener.lost.full += now.full - losses_.full;
    }
    losses_ = now;
}

void Monitor::tell_losses(control::ControlServer& control) {
    for (auto& [stream, listener] : listeners_) {
        listener.lost.at = std::chrono::system_clock::now();
        if (listener.lost.sum() != listener.told && control.send(stream, to_line(listener.lost)))
            listener.told = listener.lost.sum();
    }
}

}  // namespace catflap::agent
