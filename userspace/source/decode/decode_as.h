// SPDX-License-Identifier: Apache-2.0
// One object whose kind is known -> a model value, or what is left of one that was refused.
#pragma once

#include <optional>
#include <string_view>

#include "source/decode/decode.h"
#include "source/decode/fields.h"
#include "source/decode/kinds.h"

namespace catflap::source {

// An API server has validated what it sends; a field that we do not know is one of a newer version.
enum class Origin : uint8_t { manifest, api };

// `kind` is the one of ours that `type` means; an object that is refused for its spelling still has its name. Nothing:
// not even a name. What is wrong goes to the field's report.
std::optional<Object> decode_as(std::string_view kind, TypeMeta type, const Field& object,
                                Origin origin = Origin::manifest);
// Puts what was decoded of an object where it belongs, refused or not.
void place_object(std::optional<Object> decoded, const Field& object, Decoded& out);

}  // namespace catflap::source
