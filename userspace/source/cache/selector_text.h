// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/selector.h"
#include "source/cache/json_text.h"

namespace catflap::source {

// As a LabelSelector of matchExpressions only.
void write_selector(JsonText& json, const Selector& selector);

}  // namespace catflap::source
