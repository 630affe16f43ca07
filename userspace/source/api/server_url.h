// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace catflap::source {

// "https://host:port/prefix" in its parts; an IPv6 address as host has its brackets.
struct ServerUrl {
    std::string scheme;
    std::string host;
    std::string port;
    std::string prefix;

    // url: as check_server() returned it.
    static ServerUrl parse(const std::string& url);
};

}  // namespace catflap::source
