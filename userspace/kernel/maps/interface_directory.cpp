// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/interface_directory.h"

#include <atomic>
#include <bit>

namespace catflap::kernel {
namespace {

// A packet sees interface and publication of before, or of after.
void store(catflap_interface& slot, catflap_interface value) {
    static_assert(sizeof(value) == sizeof(uint64_t));
    std::atomic_ref<uint64_t>(reinterpret_cast<uint64_t&>(slot))
        .store(std::bit_cast<uint64_t>(value), std::memory_order_release);
}

}  // namespace

catflap_interface* InterfaceDirectory::place(uint32_t ifindex) const {
    catflap_interface* unused = nullptr;
    for (uint32_t probe = 0; probe < CATFLAP_INTERFACE_PROBES; ++probe) {
        catflap_interface& slot = slots_[catflap_interface_slot(ifindex, probe)];
        if (slot.ifindex == ifindex)
            return &slot;
        if (slot.ifindex == 0 && unused == nullptr)
            unused = &slot;
    }
    return unused;
}

bool InterfaceDirectory::publish(uint32_t ifindex, uint32_t config) {
    catflap_interface* slot = place(ifindex);
    if (slot == nullptr)
        return false;
    store(*slot, {ifindex, config == 0 ? 0 : ++publications_ * CATFLAP_MAX_CONFIGS + config});
    return true;
}

void InterfaceDirectory::withdraw(uint32_t ifindex) {
    if (catflap_interface* slot = place(ifindex); slot != nullptr && slot->ifindex == ifindex)
        store(*slot, {});
}

}  // namespace catflap::kernel
