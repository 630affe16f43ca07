// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "source/decode/document.h"

namespace catflap::source {

// Text that must not reach the YAML library (0.7.12), though it would say nothing against it.
std::optional<SyntaxError> find_trap(std::string_view text);

}  // namespace catflap::source
