// SPDX-License-Identifier: Apache-2.0
// Closes cali* interfaces that no program judges: one that has just appeared, one that could not be attached to, one
// that came while no agent ran. A table of nftables drops what is forwarded from or to a cali* interface, and what it
// sends to the node, unless the interface is in the device group kJudged; the agent puts it there when both programs
// are attached. The group belongs to the device and goes with it, so no list of ours can be out of date.
//
// Without it a packet could pass between the moment in which the kernel makes an interface and that in which the agent
// hears of it. It costs a packet between two pods some 70 ns of 3,500 (docs/semantics.md, "No window").
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

struct nl_sock;

namespace catflap::agent {

struct GuardCount {
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

class Guard {
  public:
    // The device group of interfaces whose packets are judged. Device groups are numbers without a registry; 0 is every
    // new interface's.
    static constexpr uint32_t kJudged = 0xca7f1a9;

    // Opens what is needed; changes nothing yet. Needs CAP_NET_ADMIN.
    static Result<Guard> open();
    Guard(Guard&&) noexcept;
    Guard& operator=(Guard&&) noexcept;
    ~Guard();

    // From now on only interfaces in the group are open. Call judged() for those that are attached before.
    Result<> close_others();
    [[nodiscard]] bool closed() const { return closed_; }
    Result<> judged(uint32_t ifindex);
    // What the table dropped since it was made; it outlives the agent.
    [[nodiscard]] Result<GuardCount> dropped() const;

    // Takes the table away, and the interfaces out of the group.
    Result<> remove(const std::vector<uint32_t>& interfaces);

  private:
    struct SocketCloser {
        void operator()(nl_sock* socket) const;
    };
    Guard();
    Result<> set_group(uint32_t ifindex, uint32_t group);

    std::unique_ptr<nl_sock, SocketCloser> socket_;
    bool closed_ = false;
};

}  // namespace catflap::agent
