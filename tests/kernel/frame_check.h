// SPDX-License-Identifier: Apache-2.0
// One frame through one hook of the shop under web_policy(), with nothing remembered of earlier ones: the verdict must
// be what the oracle's reading of the frame and the policy make of it, a drop must be counted, and a packet that passes
// must be remembered as what it is.
#pragma once

#include <string>

#include "kernel/fixture.h"
#include "support/packets/frame_oracle.h"

namespace catflap::test {

// How a frame comes to a hook. to_pod tells what was forwarded from what the node made itself.
enum class Way { from_pod, forwarded, from_node };
constexpr std::initializer_list<Way> kWays = {Way::from_pod, Way::forwarded, Way::from_node};

class FrameCheck {
  public:
    FrameCheck();

    // BPF_PROG_TEST_RUN refuses frames that end inside the IP header, and those larger than a page.
    static bool runnable(const Bytes& frame);
    // "": as it should be; else what is wrong, with the frame in hex.
    std::string wrong(Way way, const Bytes& frame);

    [[nodiscard]] uint64_t passed() const { return passed_; }
    [[nodiscard]] uint64_t dropped() const { return dropped_; }
    // Of the packets that passed, none should be left.
    [[nodiscard]] size_t flows_left() const { return shop_.lab.flows(); }

  private:
    [[nodiscard]] uint64_t drops() const;
    // False: it was not remembered.
    bool forget(Way way, const Frame& frame);

    Shop shop_;
    uint32_t slot_;
    uint64_t drops_;
    uint64_t passed_ = 0;
    uint64_t dropped_ = 0;
};

std::string to_hex(const Bytes& bytes);

}  // namespace catflap::test
