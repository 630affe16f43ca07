// SPDX-License-Identifier: Apache-2.0
#include "source/cache/selector_text.h"

namespace catflap::source {
namespace {

std::string_view to_string(LabelRequirement::Operator op) {
    switch (op) {
        case LabelRequirement::Operator::in:
            return "In";
        case LabelRequirement::Operator::not_in:
            return "NotIn";
        case LabelRequirement::Operator::exists:
            return "Exists";
        case LabelRequirement::Operator::does_not_exist:
            return "DoesNotExist";
    }
    return "?";
}

}  // namespace

void write_selector(JsonText& json, const Selector& selector) {
    const auto& [requirements] = selector;
    json.open('{');
    if (!requirements.empty())
        json.key("matchExpressions").list(requirements, [&](const LabelRequirement& requirement) {
            const auto& [key, op, values] = requirement;
            json.open('{').key("key").string(key).key("operator").string(to_string(op));
            if (!values.empty())
                json.key("values").list(values, [&](const std::string& value) { json.string(value); });
            json.close('}');
        });
    json.close('}');
}

}  // namespace catflap::source
