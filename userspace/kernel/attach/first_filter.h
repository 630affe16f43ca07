// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace catflap::kernel {

struct FilterName {
    uint32_t priority = 0;
    uint32_t handle = 0;

    bool operator==(const FilterName&) const = default;
};

// The filter that a clsact hook asks first: one that answers TC_ACT_OK keeps the packet from all behind it. from_pod:
// the hook `ingress`, else `egress`. Nothing: there is no filter.
Result<std::optional<FilterName>> first_filter(uint32_t ifindex, bool from_pod);

}  // namespace catflap::kernel
