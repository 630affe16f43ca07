// SPDX-License-Identifier: Apache-2.0
// The agent's part of metrics: the server's threads ask, the loop gathers a page a round.
#include <spdlog/spdlog.h>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

// An address that is not there, or not free, may be later.
constexpr std::chrono::seconds kServeAgain{2};

}  // namespace

// Nothing that is enforced depends on it: what fails is told, and tried again.
void Agent::serve_metrics() {
    const std::string& address = state_.options.metrics;
    if (address.empty() || metrics_ || Clock::now() < serve_again_at_)
        return;
    serve_again_at_ = Clock::now() + kServeAgain;
    auto server = metrics::Server::start(address, *exchange_);
    const std::string error = server ? "" : server.error().message;
    if (server)
        metrics_ = std::move(*server);
    if (error != std::exchange(state_.metrics_error, error))
        spdlog::log(error.empty() ? spdlog::level::info : spdlog::level::err, "metrics: {}",
                    error.empty() ? "served at " + address : error);
}

void Agent::move_metrics(const std::string& address) {
    if (address == state_.options.metrics)
        return;
    metrics_.reset();
    state_.metrics_error.clear();
    state_.options.metrics = address;
    serve_again_at_ = {};
    serve_metrics();
}

void Agent::collect_metrics() {
    if (!collection_)
        collection_.emplace(state_.options.metrics_rows);
    if (!collection_->step(state_))
        return;  // the question stays, and wakes the loop again
    exchange_->answer(std::move(*collection_).take());
    collection_.reset();
}

void Agent::note_enforced(bool urgent) {
    if (!seen_at_)
        return;
    (urgent ? state_.durations.urgent : state_.durations.patient).observe(Clock::now() - *seen_at_);
    seen_at_.reset();
}

}  // namespace catflap::agent
