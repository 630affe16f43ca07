// SPDX-License-Identifier: Apache-2.0
// How much a datapath holds, and the failure that says that a state needs more.
#pragma once

#include <catflap/abi.h>

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace catflap::compile {

// The code of such a failure: nothing was written, and a state with less in it may do.
constexpr int kDoesNotFit = 1'000'000;

template <class... Args>
[[nodiscard]] tl::unexpected<Error> does_not_fit(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected(Error{kDoesNotFit, fmt::format(format, std::forward<Args>(args)...)});
}

// Of maps that grow: how large they are now. They are loaded anew to become larger.
struct Capacity {
    uint32_t pages = CATFLAP_FIRST_TABLE_PAGES;
    uint32_t decisions = CATFLAP_FIRST_RULES;

    bool operator==(const Capacity&) const = default;
};

// The ledger has an entry for each policy of each decision; a table's default has all policies that isolate the pod.
constexpr uint32_t kNamesPerDecision = 8;

// By default the largest that a datapath can grow to.
struct Limits {
    uint32_t endpoints = CATFLAP_MAX_ENDPOINTS;  // with a pod
    uint32_t addresses = CATFLAP_MAX_ADDRESSES;
    uint32_t prefixes = CATFLAP_MAX_CIDRS;
    uint32_t classes = CATFLAP_MAX_CLASSES;
    uint32_t port_classes = CATFLAP_MAX_CLASSES;
    uint32_t decisions = CATFLAP_MAX_RULES;
    uint32_t names = kNamesPerDecision * CATFLAP_MAX_RULES;
    uint32_t pages = CATFLAP_TABLE_PAGES;
    // The agent's own memory for tables: which rules match each class, a bit for each pair (see RuleMask).
    size_t mask_bytes = size_t{128} << 20;

    Limits() = default;
    explicit Limits(const Capacity& capacity)
        : decisions(capacity.decisions), names(kNamesPerDecision * capacity.decisions), pages(capacity.pages) {}
};

}  // namespace catflap::compile
