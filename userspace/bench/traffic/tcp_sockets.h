// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/lab/site.h"

namespace catflap::bench {

Result<UniqueFd> tcp_listener(const Site& site, const PodPlace& pod, uint16_t port);

// A connection between two pods; fails with ETIMEDOUT where nothing answers for so long.
Result<UniqueFd> tcp_connection(const Site& site, const PodPlace& from, const PodPlace& to, uint16_t port,
                                std::chrono::milliseconds patience = std::chrono::seconds(2));

struct TcpPair {
    UniqueFd listener;
    UniqueFd client;
    UniqueFd server;
};
// Both ends of one connection, without Nagle's delay.
Result<TcpPair> tcp_pair(const Site& site, const PodPlace& from, uint16_t port);

}  // namespace catflap::bench
