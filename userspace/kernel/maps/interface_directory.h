// SPDX-License-Identifier: Apache-2.0
// The map `interfaces`: which state an interface's packets are judged by.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <span>

namespace catflap::kernel {

class InterfaceDirectory {
  public:
    InterfaceDirectory() = default;
    // CATFLAP_MAX_INTERFACES slots, in the datapath's reach; they stay the owner's.
    explicit InterfaceDirectory(std::span<catflap_interface> slots) : slots_(slots) {}

    // False: 8 others share its slots. With 1,024 interfaces that is a matter of one in 10^14.
    [[nodiscard]] bool has_place(uint32_t ifindex) const { return place(ifindex) != nullptr; }
    // One store, with the next publication of the config; 0: no pod is known on the interface. False: no place.
    bool publish(uint32_t ifindex, uint32_t config);
    void withdraw(uint32_t ifindex);

  private:
    // The interface's slot, else the first free one that it may have.
    [[nodiscard]] catflap_interface* place(uint32_t ifindex) const;

    std::span<catflap_interface> slots_;
    uint32_t publications_ = 0;
};

}  // namespace catflap::kernel
