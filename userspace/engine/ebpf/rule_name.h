// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>

#include "compile/tables/decision.h"

namespace catflap::engine {

// "shop/web Ingress[0]"; "" where no policy had a part in it.
inline std::string rule_name(const compile::DecisionKey& key) {
    return key.policies.empty()
               ? ""
               : fmt::format("{} {}[{}]", to_string(key.policies.front()), to_string(key.direction), key.rule_index);
}

}  // namespace catflap::engine
