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
    HttpTransport(Access access, Credentials& credentials, std::unique_ptr<Curl> curl);
    [[nodiscard]] bool makes_connection() const;
    Result<> configure(Transfer& transfer, const Request& request);
    void reach(Transfer& transfer, const std::string& target) const;
    void finish(Transfer& transfer, const Result<>& outcome);

    Access access_;
    Credentials& credentials_;
    std::unique_ptr<Curl> curl_;
    std::map<ResponseHandler*, std::unique_ptr<Transfer>> transfers_;
    bool fresh_ = false;                         // until a connection has answered
    std::map<ResponseHandler*, Error> refused_;  // requests that could not even begin
};

}  // namespace catflap::source
