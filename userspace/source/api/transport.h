// SPDX-License-Identifier: Apache-2.0
// What is needed of HTTP to talk to an API server: requests whose answers come piece by piece.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

struct Request {
    std::string target;  // path and query, "/api/v1/pods?limit=500"
    std::string method = "GET";
    std::string content_type{};  // of the body
    std::string body{};
};

struct ResponseHead {
    int status = 0;
    std::optional<std::chrono::seconds> retry_after;
};

// Called from the transport's thread, for one request: head, body and end in this order. A failure of the first two
// ends the request, and comes back as the cause of end().
class ResponseHandler {
  public:
    virtual ~ResponseHandler() = default;
    virtual Result<> head(const ResponseHead& head) = 0;
    virtual Result<> body(std::string_view bytes) = 0;
    // Whether all of the answer has come.
    virtual void end(const Result<>& outcome) = 0;
};

class Transport {
  public:
    virtual ~Transport() = default;
    // handler: outlives the request, and has one at a time; it gets end() in any case, but for cancel(), and never
    // before start() returns.
    virtual void start(const Request& request, ResponseHandler& handler) = 0;
    virtual void cancel(ResponseHandler& handler) = 0;
    // Nothing comes over it any more, though it looks open: those that are under way are the last ones that use it.
    virtual void leave_connection() = 0;
    // The server did not accept who we say we are: the next request asks for it anew.
    virtual void renew_credentials() = 0;
};

}  // namespace catflap::source
