// SPDX-License-Identifier: Apache-2.0
// The agent's part of metrics: the server's threads ask, the loop gathers a page a round.
#include <spdlog/spdlog.h>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

// An address that is not there, or not free, may be later.
constexpr std::chrono::seconds kServeAgain{2};

}  // namespace

// Nothing that is enforced depends on it: what fails is told, and tried again. The earlier server goes on until another
// one is there, or until it is in the way.
void Agent::serve_metrics() {
    const std::string& address = state_.options.metrics;
    if (address == metrics_at_)
        state_.metrics_error.clear();
    if (address == metrics_at_ || Clock::now() < serve_again_at_)
        return;
    if (address.empty()) {
        metrics_.reset();
        metrics_at_.clear();
        state_.metrics_error.clear();
        return;
    }
    serve_again_at_ = Clock::now() + kServeAgain;
    auto server = metrics::Server::start(address, exchange_);
    if (!server && server.error().code == EADDRINUSE && metrics_) {
        metrics_.reset();
        metrics_at_.clear();
        server = metrics::Server::start(address, exchange_);
    }
    const std::string error = server ? "" : server.error().message;
    if (server) {
        metrics_ = std::move(*server);
        metrics_at_ = address;
    }
    if (error != std::exchange(state_.metrics_error, error))
        spdlog::log(error.empty() ? spdlog::level::info : spdlog::level::err, "metrics: {}",
                    error.empty() ? "served at " + address : error);
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
