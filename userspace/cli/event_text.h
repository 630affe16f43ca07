// SPDX-License-Identifier: Apache-2.0
// A line of `catflap monitor` for people, and for the comment of a captured frame.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace catflap::cli {

// event: an object as docs/cli.md has it.
// "16:02:11.123Z dropped Ingress of shop/web: shop/client 10.8.1.2:40000 -> shop/web 10.8.1.1:9090 TCP SYN, policy:
// isolated by shop/web"
std::string event_line(const nlohmann::json& event, bool colours);
// "dropped Ingress of shop/web, policy: isolated by shop/web"
std::string event_comment(const nlohmann::json& event);
// "lost: 12 events (10 over the limit of an endpoint, 2 ...)"
std::string losses_line(const nlohmann::json& lost);

}  // namespace catflap::cli
