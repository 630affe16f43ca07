// SPDX-License-Identifier: Apache-2.0
// Who we are, towards the API server: the token of an access, or what its exec plug-in prints.
#pragma once

#include <chrono>
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

    // For the next request. Files are read each time, as what they hold rotates; a plug-in runs where what it printed
    // last has expired. May take as long as the plug-in does, at most kPluginTime.
    Result<Identity> identity();
    // The server has refused the last one.
    void renew();

    static constexpr std::chrono::seconds kPluginTime{30};

  private:
    struct Printed {
        Identity identity;
        std::chrono::steady_clock::time_point at{};
        std::optional<std::chrono::system_clock::time_point> expires_at;
    };
    Result<Printed> run_plugin() const;

    Access access_;
    std::optional<Printed> printed_;
    // Six kinds are asked for at once: a plug-in that fails is not run again for each.
    std::optional<Error> failure_;
    std::chrono::steady_clock::time_point run_again_at_{};
};

}  // namespace catflap::source
