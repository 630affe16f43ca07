// SPDX-License-Identifier: Apache-2.0
// What the datapath tells of a packet, in terms of pods and policies.
#pragma once

#include <catflap/event.h>

#include <unordered_map>

#include "engine/ebpf/ebpf_engine.h"
#include "engine/events.h"

namespace catflap::engine {

class EventTranslator {
  public:
    // For a moment: the engine must not change meanwhile.
    explicit EventTranslator(const EbpfEngine& engine);
    [[nodiscard]] Event translate(const catflap_event& told) const;

  private:
    [[nodiscard]] const compile::LoadedEndpoint* endpoint_of(const catflap_event& told) const;

    const EbpfEngine& engine_;
    std::chrono::system_clock::time_point boot_;  // when CLOCK_MONOTONIC was 0, by the clock as it is set now
    mutable std::unordered_map<uint32_t, const compile::LoadedEndpoint*> by_slot_;  // made for the first that needs it
};

}  // namespace catflap::engine
