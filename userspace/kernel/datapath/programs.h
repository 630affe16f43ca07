// SPDX-License-Identifier: Apache-2.0
// The skeleton behind a Datapath; for the files of this class alone.
#pragma once

#include <string_view>

#include "catflap.skel.h"
#include "kernel/datapath/datapath.h"

namespace catflap::kernel {

struct Datapath::Programs {
    catflap_bpf* skeleton = nullptr;

    Programs() = default;
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;
    ~Programs() { catflap_bpf::destroy(skeleton); }

    [[nodiscard]] bpf_map* map(MapName name) const {
        const std::string_view asked = name.text();
#define CATFLAP_MAP(name, lifetime, copies) \
    if (asked == #name)                     \
        return skeleton->maps.name;
#include <catflap/maps.def>
        return nullptr;
    }
};

}  // namespace catflap::kernel
