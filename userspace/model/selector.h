// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "model/labels.h"

namespace catflap {

// A label selector, https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
struct LabelRequirement {
    enum class Operator : uint8_t { in, not_in, exists, does_not_exist };
    std::string key;
    Operator op = Operator::exists;
    std::vector<std::string> values;  // for in and not_in: at least one, sorted, unique

    auto operator<=>(const LabelRequirement&) const = default;
};

// matchLabels {k: v} is held as the requirement (k in [v]); all requirements must hold; none: everything matches.
// NotIn and DoesNotExist match objects without the key.
struct Selector {
    std::vector<LabelRequirement> requirements;  // sorted, unique: equal selectors compare equal

    auto operator<=>(const Selector&) const = default;
};

bool matches(const LabelRequirement& requirement, const Labels& labels);
bool matches(const Selector& selector, const Labels& labels);
// As kubectl writes it: "app=web,tier in (a,b),!old"; "" for everything.
std::string to_string(const Selector& selector);

}  // namespace catflap
