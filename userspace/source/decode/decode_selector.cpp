// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "source/decode/decode_object.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

using Operator = LabelRequirement::Operator;

std::optional<Operator> decode_operator(const Field& field) {
    if (!field.exists()) {
        field.refuse("is missing; use In, NotIn, Exists or DoesNotExist");
        return {};
    }
    const std::optional<std::string> text = field.string();
    if (!text)
        return {};
    if (*text == "In")
        return Operator::in;
    if (*text == "NotIn")
        return Operator::not_in;
    if (*text == "Exists")
        return Operator::exists;
    if (*text == "DoesNotExist")
        return Operator::does_not_exist;
    field.refuse(fmt::format("\"{}\" is not an operator; use In, NotIn, Exists or DoesNotExist", *text));
    return {};
}

std::vector<std::string> decode_values(const Field& field, std::optional<Operator> op) {
    std::vector<std::string> values;
    const Range<Field> items = field.items();
    for (const Field& item : items) {
        if (!item.exists())
            item.refuse("is empty; write a label value, \"\" for the empty one");
        else if (std::optional<std::string> text = item.string())
            if (check_name(item, *text, check_label_value(*text)))
                values.push_back(std::move(*text));
    }
    const bool takes_values = op == Operator::in || op == Operator::not_in;
    if (takes_values && items.empty())
        field.refuse("In and NotIn need at least one value");
    if (op && !takes_values && !items.empty())
        field.refuse("Exists and DoesNotExist take no values");
    sort_unique(values);
    return values;
}

LabelRequirement decode_requirement(const Field& field) {
    LabelRequirement requirement;
    if (!field.exists())
        field.refuse("is empty; write key, operator and values");
    if (!field.has_only({"key", "operator", "values"}))
        return requirement;
    const Field key = field.member("key");
    if (!key.exists())
        key.refuse("is missing; write the label's key");
    else if (std::optional<std::string> text = key.string())
        if (check_name(key, *text, check_label_key(*text)))
            requirement.key = std::move(*text);
    const std::optional<Operator> op = decode_operator(field.member("operator"));
    requirement.op = op.value_or(Operator::exists);
    requirement.values = decode_values(field.member("values"), op);
    return requirement;
}

}  // namespace

bool check_name(const Field& field, std::string_view text, std::string_view good) {
    if (!good.empty())
        field.refuse(fmt::format("\"{}\" must be {}", text, good));
    return good.empty();
}

Labels decode_labels(const Field& field) {
    std::vector<Labels::value_type> labels;
    for (const auto& [key, value] : field.members()) {
        check_name(value, key, check_label_key(key));
        // The API server takes a null as the empty string.
        std::string text = value.string().value_or("");
        if (check_name(value, text, check_label_value(text)))
            labels.emplace_back(key, std::move(text));
    }
    return Labels(std::move(labels)).shared();
}

Selector decode_readable_selector(const Field& field) {
    Selector selector;
    // A report for each: what one of them says is no matter of the others.
    const auto report = [&] { return Report(field.report().file, field.line()); };
    Report of_labels = report();
    Report of_expressions = report();
    for (const auto& [key, value] : field.member("matchLabels").reported_to(of_labels).members()) {
        Report of_label = report();
        const std::optional<std::string> text = value.reported_to(of_label).string();
        const std::string written = text.value_or("");
        if (check_name(value.reported_to(of_label), key, check_label_key(key)) &&
            check_name(value.reported_to(of_label), written, check_label_value(written)) && of_label.refusals.empty())
            selector.requirements.push_back({std::string(key), Operator::in, {written}});
    }
    for (const Field& item : field.member("matchExpressions").reported_to(of_expressions).items()) {
        Report of_item = report();
        LabelRequirement requirement = decode_requirement(item.reported_to(of_item));
        if (of_item.refusals.empty())
            selector.requirements.push_back(std::move(requirement));
    }
    if (!of_labels.refusals.empty() || !of_expressions.refusals.empty())
        return {};  // a field twice: which one was meant?
    sort_unique(selector.requirements);
    return selector;
}

Selector decode_selector(const Field& field) {
    Selector selector;
    field.has_only({"matchLabels", "matchExpressions"});
    for (const auto& [key, value] : decode_labels(field.member("matchLabels")))
        selector.requirements.push_back({key, Operator::in, {value}});
    for (const Field& item : field.member("matchExpressions").items())
        selector.requirements.push_back(decode_requirement(item));
    sort_unique(selector.requirements);
    return selector;
}

}  // namespace catflap::source
