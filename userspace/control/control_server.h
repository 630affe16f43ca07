// SPDX-License-Identifier: Apache-2.0
// The control socket: one JSON object in a line asks, one JSON object in a line answers. See
// docs/cli.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"

namespace catflap::control {

struct ControlOptions {
    // A client that neither sends nor takes a byte for so long is cut off.
    std::chrono::milliseconds idle_limit = std::chrono::seconds(30);
    // So is one that has a stream, when it has taken nothing of what waits for so long.
    std::chrono::milliseconds stream_limit = std::chrono::minutes(10);
    // serve() begins no further answer after so long: its caller has more to do than to answer.
    std::chrono::milliseconds serving_limit{5};
    // Further ones wait until one of these has left.
    size_t max_clients = 64;
};

class ControlServer {
  public:
    // The answer to a request; what it throws is answered as a failure.
    using Handler = std::function<nlohmann::json(const nlohmann::json& request)>;

    // Listens on RUN_DIR/control.sock, mode 0600, peers checked to be root (SO_PEERCRED). RUN_DIR
    // is made with mode 0700 where it is not there. Refuses where a living agent holds
    // RUN_DIR/agent.lock; takes over a socket that a dead one left.
    static Result<ControlServer> open(const std::filesystem::path& run_dir, Handler handler,
                                      const ControlOptions& options = {});
    ControlServer(ControlServer&&) noexcept;
    ControlServer& operator=(ControlServer&&) noexcept;
    ~ControlServer();  // removes the socket

    // An epoll descriptor, readable when serve() has something to do.
    [[nodiscard]] int fd() const;
    // Accepts, reads, answers: about one request of each client in one call, in turn, and fewer where they take
    // long. Never blocks on a slow client, bounds a request at 1 MiB and a client's idle time.
    void serve();

    // A client whose answer said "stream": N, with N > 0, asks nothing more: it gets what send() is given for N until
    // it leaves, or only closes its side. Does it still?
    [[nodiscard]] bool has_stream(uint64_t stream) const;
    // A line without its end. False: nothing of it was taken, as so much waits already (1 MiB), or the client is gone.
    bool send(uint64_t stream, const std::string& line);

  private:
    struct State;
    explicit ControlServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::control
