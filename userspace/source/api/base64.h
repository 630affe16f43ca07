// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

// RFC 4648, section 4, as a kubeconfig holds its certificates; white space may be anywhere.
Result<std::string> decode_base64(std::string_view text);

}  // namespace catflap::source
