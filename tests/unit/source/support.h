// SPDX-License-Identifier: Apache-2.0
// What the tests of this room say often.
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "source/decode/decode.h"

namespace catflap::source {

using Strings = std::vector<std::string>;

inline Strings messages(const std::vector<Diagnostic>& diagnostics) {
    Strings texts;
    std::ranges::transform(diagnostics, std::back_inserter(texts),
                           [](const Diagnostic& diagnostic) { return to_string(diagnostic); });
    return texts;
}
inline Strings refusals(const Decoded& decoded) {
    return messages(decoded.refusals);
}

inline Strings keys(const Decoded& decoded) {
    Strings texts;
    std::ranges::transform(decoded.objects, std::back_inserter(texts),
                           [](const LocatedObject& located) { return object_key(located.object); });
    return texts;
}

inline Decoded decode_file(const std::string& name) {
    std::ifstream file(CATFLAP_TEST_DATA "/" + name);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    return decode(text, name);
}

}  // namespace catflap::source
