// SPDX-License-Identifier: Apache-2.0
// HTTP/2 (or 1.1) with TLS, by libcurl: all requests share one connection where the server has HTTP/2.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "source/api/credentials.h"
#include "source/api/transport.h"

namespace catflap::source {

class HttpTransport : public Transport {
  public:
    // Fails where libcurl cannot be set up.
    static Result<std::unique_ptr<HttpTransport>> open(Access access, Credentials& credentials);
    ~HttpTransport() override;

    void start(const Request& request, ResponseHandler& handler) override;
    void cancel(ResponseHandler& handler) override;
    void leave_connection() override;
    void renew_credentials() override;

    // Waits for something to happen, at most so long, or until wake().
    void wait(std::chrono::milliseconds limit);
    // Hands over what has come.
    void perform();
    // From any thread.
    void wake();

  private:
    struct Transfer;
    struct Curl;
    struct Connections {
        bool are_fresh = false;  // until one has answered
        // No longer once a server has answered without: libcurl (7.88.1) keeps both kinds in one pool, and then sends
        // requests down an HTTP/1.1 connection that carries a watch, or lets them wait for a connection for ever.
        bool have_http2 = true;
    };
    HttpTransport(Access access, Credentials& credentials, std::unique_ptr<Curl> curl);
    [[nodiscard]] bool makes_connection() const;
    Result<> configure(Transfer& transfer, const Request& request);
    void reach(Transfer& transfer, const std::string& target) const;
    void finish(Transfer& transfer, const Result<>& outcome);

    Access access_;
    Credentials& credentials_;
    std::unique_ptr<Curl> curl_;
    std::map<ResponseHandler*, std::unique_ptr<Transfer>> transfers_;
    Connections connections_;
    std::map<ResponseHandler*, Error> refused_;  // requests that could not even begin
};

}  // namespace catflap::source
