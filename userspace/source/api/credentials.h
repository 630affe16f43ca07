// SPDX-License-Identifier: Apache-2.0
// Who we are, towards the API server: the token of an access, or what its exec plug-in prints.
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <string>

#include "source/api/access.h"

namespace catflap::source {

struct Identity {
    std::string token;        // "": none
    std::string certificate;  // PEM; "": none
    std::string key;
};

class Credentials {
  public:
    explicit Credentials(const Access& access) : access_(access) {}

    // For the next request. Files are read each time, as what they hold rotates. A plug-in runs in a thread of its own,
    // and again shortly before what it printed expires. Waits at most kPatience for it, and fails where it needs longer
    // (at most kPluginTime): a later call has what it printed.
    Result<Identity> identity();
    // The server has refused the last one.
    void renew();

    static constexpr std::chrono::seconds kPluginTime{30};
    static constexpr std::chrono::seconds kPatience{2};

  private:
    using Clock = std::chrono::steady_clock;
    struct Printed {
        Identity identity;
        std::optional<std::chrono::system_clock::time_point> expires_at;
    };
    static Result<Printed> run(const ExecPlugin& plugin);
    void run_if_due();
    void take(Clock::time_point until);
    [[nodiscard]] bool lasts(std::chrono::seconds ahead) const;
    [[nodiscard]] bool is_usable() const;
    Result<Identity> printed_identity();

    Access access_;
    std::optional<Printed> printed_;
    Clock::time_point printed_at_{};
    // Six kinds are asked for at once: a plug-in that fails is not run again for each.
    std::optional<Error> failure_;
    Clock::time_point run_again_at_{};
    Clock::time_point began_at_{};
    std::future<Result<Printed>> running_;  // the last member: it is waited for before the others go
};

}  // namespace catflap::source
