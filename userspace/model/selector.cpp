// SPDX-License-Identifier: Apache-2.0
#include "model/selector.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace catflap {
namespace {

std::string to_string(const LabelRequirement& requirement) {
    using Operator = LabelRequirement::Operator;
    const auto& [key, op, values] = requirement;
    switch (op) {
        case Operator::in:
            return values.size() == 1 ? fmt::format("{}={}", key, values.front())
                                      : fmt::format("{} in ({})", key, fmt::join(values, ","));
        case Operator::not_in:
            return values.size() == 1 ? fmt::format("{}!={}", key, values.front())
                                      : fmt::format("{} notin ({})", key, fmt::join(values, ","));
        case Operator::exists:
            return key;
        case Operator::does_not_exist:
            return "!" + key;
    }
    return {};
}

}  // namespace

bool matches(const LabelRequirement& requirement, const Labels& labels) {
    using Operator = LabelRequirement::Operator;
    const auto label = labels.find(requirement.key);
    const bool exists = label != labels.end();
    const auto has_value = [&] {
        return std::ranges::find(requirement.values, label->second) != requirement.values.end();
    };
    switch (requirement.op) {
        case Operator::in:
            return exists && has_value();
        case Operator::not_in:
            return !exists || !has_value();
        case Operator::exists:
            return exists;
        case Operator::does_not_exist:
            return !exists;
    }
    return false;
}

bool matches(const Selector& selector, const Labels& labels) {
    return std::ranges::all_of(selector.requirements,
                               [&](const LabelRequirement& requirement) { return matches(requirement, labels); });
}

std::string to_string(const Selector& selector) {
    std::vector<std::string> parts;
    parts.reserve(selector.requirements.size());
    for (const LabelRequirement& requirement : selector.requirements)
        parts.push_back(to_string(requirement));
    return fmt::format("{}", fmt::join(parts, ","));
}

}  // namespace catflap
