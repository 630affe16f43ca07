// SPDX-License-Identifier: Apache-2.0
// The control socket: one JSON object in a line asks, one JSON object in a line answers. See docs/cli.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace catflap::agent {

class ControlServer {
  public:
    using Handler = std::function<nlohmann::json(const nlohmann::json& request)>;

    // Listens on RUN_DIR/control.sock, mode 0600, peers checked to be root (SO_PEERCRED). Refuses where a living agent
    // listens there already; takes over a socket that a dead one left.
    static Result<ControlServer> open(const std::filesystem::path& run_dir, Handler handler);
    ControlServer(ControlServer&&) noexcept;
    ControlServer& operator=(ControlServer&&) noexcept;
    ~ControlServer();  // removes the socket

    // An epoll descriptor, readable when serve() has something to do.
    [[nodiscard]] int fd() const;
    // Accepts, reads, answers; never blocks on a slow client, bounds a request at 1 MiB and a client's idle time.
    void serve();

  private:
    struct State;
    explicit ControlServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::agent
