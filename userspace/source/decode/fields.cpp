// SPDX-License-Identifier: Apache-2.0
#include "source/decode/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace catflap::source {
namespace {

std::string_view kind_name(const Value& value) {
    switch (value.kind()) {
        case Value::Kind::null:
            return "nothing";
        case Value::Kind::scalar:
            return "a single value";
        case Value::Kind::sequence:
            return "a list";
        case Value::Kind::mapping:
            return "an object";
    }
    return "?";
}

bool is_word(std::string_view key) {
    return !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

// "-12", "0", but not "+1", "010" (eight to YAML 1.1), "1.0", "0x1f".
bool is_plain_decimal(std::string_view text) {
    if (text.starts_with('-'))
        text.remove_prefix(1);
    return !text.empty() && (text == "0" || text.front() != '0') &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string join_path(std::string_view path, std::string_view key) {
    if (!is_word(key))
        return fmt::format("{}[\"{}\"]", path, key);
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

Field::Field(const Value* value, Report& report, int line, std::string path)
    : value_(value), report_(&report), line_(value != nullptr ? value->line() : line), path_(std::move(path)) {}

Field Field::child(const Value* value, int line, std::string path) const {
    return {value, *report_, line, std::move(path)};
}

Field Field::member(std::string_view key) const {
    const Value* value = value_ != nullptr ? find(value_->entries(), key) : nullptr;
    return child(value, line_, join_path(path_, key));
}

std::vector<std::pair<std::string_view, Field>> Field::members() const {
    std::vector<std::pair<std::string_view, Field>> members;
    if (!is_mapping())
        return members;
    members.reserve(value_->entries().size());
    for (const Entry& entry : value_->entries())
        members.emplace_back(entry.key, child(entry.value, entry.line, join_path(path_, entry.key)));
    return members;
}

bool Field::check_keys() const {
    std::vector<const Entry*> sorted;
    sorted.reserve(value_->entries().size());
    for (const Entry& entry : value_->entries()) {
        if (entry.key == "<<" && !entry.is_quoted) {
            child(nullptr, entry.line, join_path(path_, "<<"))
                .refuse("merge keys are not supported; write the fields out");
            return false;
        }
        sorted.push_back(&entry);
    }
    std::ranges::stable_sort(sorted, {}, &Entry::key);
    const auto twice = std::ranges::adjacent_find(sorted, {}, &Entry::key);
    if (twice == sorted.end())
        return true;
    const Entry& second = **std::next(twice);
    child(nullptr, second.line, join_path(path_, second.key))
        .refuse(fmt::format("is given twice, first on line {}; keep one", (*twice)->line));
    return false;
}

bool Field::is_mapping() const {
    if (!exists())
        return false;
    if (value_->kind() != Value::Kind::mapping) {
        refuse(fmt::format("must be an object (fields with names), not {}", kind_name(*value_)));
        return false;
    }
    return check_keys();
}

bool Field::has_only(std::initializer_list<std::string_view> known) const {
    if (!is_mapping())
        return false;
    bool good = true;
    for (const Entry& entry : value_->entries()) {
        if (std::ranges::find(known, entry.key) != known.end())
            continue;
        child(nullptr, entry.line, join_path(path_, entry.key))
            .refuse(fmt::format("is not a field here; known are {}", fmt::join(known, ", ")));
        good = false;
    }
    return good;
}

bool Field::is_sequence() const {
    if (!exists())
        return false;
    if (value_->kind() != Value::Kind::sequence)
        refuse(fmt::format("must be a list, not {}", kind_name(*value_)));
    return value_->kind() == Value::Kind::sequence;
}

std::vector<Field> Field::items() const {
    std::vector<Field> items;
    if (!is_sequence())
        return items;
    items.reserve(value_->items().size());
    for (const Value* item : value_->items())
        items.push_back(child(item, line_, fmt::format("{}[{}]", path_, items.size())));
    return items;
}

std::optional<std::string> Field::string() const {
    if (!exists())
        return {};
    if (value_->kind() != Value::Kind::scalar) {
        refuse(fmt::format("must be a string, not {}", kind_name(*value_)));
        return {};
    }
    const std::string_view text = value_->text();
    if (!value_->is_quoted() && plain_type(text) != PlainType::string) {
        const char* what = is_number() ? "a number" : "a boolean";
        refuse(fmt::format("{} without quotes is {}, and must be a string; write \"{}\"", text, what, text));
        return {};
    }
    return std::string(text);
}

bool Field::is_number() const noexcept {
    return exists() && value_->kind() == Value::Kind::scalar && !value_->is_quoted() &&
           plain_type(value_->text()) == PlainType::number;
}

std::optional<int64_t> Field::integer() const {
    if (!exists())
        return {};
    const std::string_view text = value_->text();
    if (value_->kind() != Value::Kind::scalar || !is_number()) {
        if (value_->kind() != Value::Kind::scalar)
            refuse(fmt::format("must be a number, not {}", kind_name(*value_)));
        else
            refuse(fmt::format("\"{}\" must be a number without quotes", text));
        return {};
    }
    int64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (!is_plain_decimal(text) || code != std::errc{} || end != text.data() + text.size()) {
        refuse(fmt::format("{} must be a whole number in plain decimal digits", text));
        return {};
    }
    return number;
}

std::optional<bool> Field::boolean() const {
    if (!exists())
        return {};
    const std::string_view text = value_->text();
    if (value_->kind() == Value::Kind::scalar && !value_->is_quoted()) {
        if (text == "true" || text == "True" || text == "TRUE")
            return true;
        if (text == "false" || text == "False" || text == "FALSE")
            return false;
    }
    refuse("must be true or false, without quotes");
    return {};
}

void Field::refuse(std::string message) const {
    report_->refusals.push_back({report_->file, line_, report_->object, path_, std::move(message)});
}

void Field::warn(std::string message) const {
    report_->warnings.push_back({report_->file, line_, report_->object, path_, std::move(message)});
}

}  // namespace catflap::source
