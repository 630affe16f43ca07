// SPDX-License-Identifier: Apache-2.0
// The fields of the API's types, as far as catflap reads them: a misspelt one would be passed over in silence.
#pragma once

#include <string_view>

#include "source/decode/fields.h"

namespace catflap::source {

// Refuses fields that the kind's top level or its metadata does not have, and below that what looks like a misspelt one
// of those that are read. Other unknown fields pass there: a newer Kubernetes may have them. (A policy's spec is read
// by decode_policy(), which refuses every unknown field.)
void check_fields(std::string_view kind, const Field& object);

}  // namespace catflap::source
