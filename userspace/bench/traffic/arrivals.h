// SPDX-License-Identifier: Apache-2.0
// Sockets that count what reaches them, in the kernel, and keep nothing: no reader has to keep up.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/lab/site.h"

namespace catflap::bench {

class Arrivals {
  public:
    static Result<Arrivals> make();
    Arrivals(Arrivals&& other) noexcept;
    Arrivals& operator=(Arrivals&&) = delete;
    ~Arrivals();

    // From now on what arrives at the socket is counted and dropped.
    Result<> count_at(int socket) const;
    [[nodiscard]] uint64_t count() const { return __atomic_load_n(counter_, __ATOMIC_RELAXED); }

  private:
    Arrivals() = default;
    UniqueFd map_;
    UniqueFd program_;
    uint64_t* counter_ = nullptr;
};

// A UDP socket in the pod, bound to the port (0: any).
Result<UniqueFd> udp_socket(const Site& site, const PodPlace& pod, uint16_t port);
// Counting sockets on all ports that policies admit, and on the one that they do not.
Result<std::vector<UniqueFd>> counting_sockets(const Site& site, const PodPlace& pod, const Arrivals& arrivals);
Result<> connect_to(int socket, const PodPlace& pod, uint16_t port);

}  // namespace catflap::bench
