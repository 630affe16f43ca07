// SPDX-License-Identifier: Apache-2.0
// /metrics, /healthz and /readyz over HTTP, in threads of their own: a client that is slow or hostile takes no time
// from the loop that enforces.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "metrics/exchange.h"

namespace catflap::metrics {

struct ListenAddress {
    std::string host;  // of IPv4 or IPv6, in numbers
    uint16_t port = 0;
};
// "127.0.0.1:9473", "[::1]:9473". An IPv6 address may stand without brackets, as Kubernetes' $(HOST_IP) does.
Result<ListenAddress> parse_listen_address(const std::string& text);

class Server {
  public:
    static Result<std::unique_ptr<Server>> start(const std::string& address, std::shared_ptr<Exchange> exchange);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Waits for its threads for a moment. A client that holds one up longer is left to itself, with what it needs.
    ~Server();

  private:
    struct State;
    explicit Server(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace catflap::metrics
