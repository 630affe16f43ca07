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
    // patience: how long identity() waits for a plug-in at most. Who asks once gives it its whole time, kPluginTime.
    explicit Credentials(const Access& access, std::chrono::seconds patience = kPatience)
        : access_(access), patience_(patience) {}

    // For the next request. Files are read each time, as what they hold rotates. A plug-in runs in a thread of its own,
    // and again shortly before what it printed expires. Waits at most the patience for it, and fails where it needs
    // longer (at most kPluginTime): a later call has what it printed.
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
        bool had_expired = false;  // when it was printed, by the clock here
        Clock::time_point at;      // when it was printed
    };
    static Result<Printed> run(const ExecPlugin& plugin);
    void run_if_due();
    void take(Clock::time_point until);
    [[nodiscard]] bool lasts(std::chrono::seconds ahead) const;
    [[nodiscard]] bool is_usable() const;
    Result<Identity> printed_identity();

    Access access_;
    std::chrono::seconds patience_;
    std::optional<Printed> printed_;
    // Six kinds are asked for at once: a plug-in that fails is not run again for each.
    std::optional<Error> failure_;
    Clock::time_point run_again_at_{};
    Clock::time_point began_at_{};
    std::future<Result<Printed>> running_;  // the last member: it is waited for before the others go
};

}  // namespace catflap::source
