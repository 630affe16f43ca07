// SPDX-License-Identifier: Apache-2.0
#include "source/decode/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/spelling.h"

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

// "-12", "0", but not "+1", "010", "1.0", "0x1f".
bool is_plain_decimal(std::string_view text) {
    if (text.starts_with('-'))
        text.remove_prefix(1);
    return !text.empty() && (text == "0" || text.front() != '0') &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string what_is(std::string_view word, std::span<const std::string_view> known) {
    const std::string_view meant = nearest(word, known);
    return meant.empty() ? fmt::format("known are {}", fmt::join(known, ", ")) : fmt::format("write {}", meant);
}

}  // namespace

std::string join_path(std::string_view path, std::string_view key) {
    // Made for each field that is read, so by hand: fmt::format takes three times as long.
    std::string joined;
    joined.reserve(path.size() + key.size() + 4);
    joined += path;
    if (!is_word(key))
        return joined.append("[\"").append(key).append("\"]");
    if (!path.empty())
        joined += '.';
    return joined.append(key);
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

Range<Field::Member> Field::members() const {
    return {*this, is_mapping() ? value_->entries().size() : 0};
}

Field::Member Field::element(size_t index, const Member*) const {
    const Entry& entry = value_->entries()[index];
    return {entry.key, child(entry.value, entry.line, join_path(path_, entry.key))};
}

Field Field::element(size_t index, const Field*) const {
    return child(value_->items()[index], line_, fmt::format("{}[{}]", path_, index));
}

// False: nobody knows what it stands for. What is only no string without quotes (kubectl reads the key y as "true", and
// 010 as "8") is refused too, but does not keep the other members from being looked at.
bool Field::check_key(const Entry& entry) const {
    if (entry.is_quoted)
        return true;
    const auto refuse = [&](std::string message) {
        child(nullptr, entry.line, join_path(path_, entry.key)).refuse(std::move(message));
    };
    if (entry.key == "<<") {
        refuse("merge keys are not supported; write the fields out");
        return false;
    }
    const PlainType type = plain_type(entry.key);
    if (type == PlainType::string || (type == PlainType::number && is_plain_decimal(entry.key)))
        return true;
    refuse(fmt::format("without quotes is no string; write \"{}\"", entry.key));
    return true;
}

bool Field::check_keys() const {
    std::vector<const Entry*> sorted;
    sorted.reserve(value_->entries().size());
    for (const Entry& entry : value_->entries()) {
        if (!check_key(entry))
            return false;
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

bool Field::has_only(std::span<const std::string_view> known) const {
    if (!is_mapping())
        return false;
    bool good = true;
    for (const Entry& entry : value_->entries()) {
        if (std::ranges::find(known, entry.key) != known.end())
            continue;
        good = false;
        if (report_->refusals.size() >= Report::kMostKept) {
            ++report_->more_refusals;
            continue;
        }
        child(nullptr, entry.line, join_path(path_, entry.key))
            .refuse(fmt::format("is not a field here; {}", what_is(entry.key, known)));
    }
    return good;
}

void Field::check_spelling(std::span<const std::string_view> read, std::span<const std::string_view> others) const {
    if (!is_object())
        return;
    for (const Entry& entry : value_->entries()) {
        if (std::ranges::find(read, entry.key) != read.end() || std::ranges::find(others, entry.key) != others.end())
            continue;
        if (const std::string_view meant = nearest(entry.key, read); !meant.empty())
            child(nullptr, entry.line, join_path(path_, entry.key))
                .refuse(fmt::format("is not a field here; write {}", meant));
    }
}

bool Field::is_sequence() const {
    if (!exists())
        return false;
    if (value_->kind() != Value::Kind::sequence)
        refuse(fmt::format("must be a list, not {}", kind_name(*value_)));
    return value_->kind() == Value::Kind::sequence;
}

Range<Field> Field::items() const {
    return {*this, is_sequence() ? value_->items().size() : 0};
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
    const std::optional<int64_t> number = plain_integer(text);
    const bool decimal = is_plain_decimal(text);
    // JSON's 8e1 is no whole number to the API server; what YAML reads as one is.
    if (!number || (value_->is_json() && !decimal)) {
        refuse(fmt::format("{} must be a whole number in plain decimal digits", text));
        return {};
    }
    if (!decimal)
        warn(fmt::format("{} is read as {}, as kubectl reads it; write {}", text, *number, *number));
    return number;
}

std::optional<bool> Field::boolean() const {
    if (!exists())
        return {};
    const std::string_view text = value_->text();
    if (value_->kind() == Value::Kind::scalar && !value_->is_quoted() && plain_type(text) == PlainType::boolean)
        return plain_boolean(text);
    refuse("must be true or false, without quotes");
    return {};
}

void Field::refuse(std::string message) const {
    if (report_->refusals.size() >= Report::kMostKept) {
        ++report_->more_refusals;
        return;
    }
    const std::string_view text = value_ != nullptr ? value_->text() : std::string_view{};
    if (text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos)
        message = fmt::format("\"{}\" is a template; render it first (helm template ...)", text);
    report_->refusals.push_back({report_->file, line_, report_->object, path_, std::move(message)});
}

void Field::warn(std::string message) const {
    if (report_->warnings.size() >= Report::kMostKept)
        ++report_->more_warnings;
    else
        report_->warnings.push_back({report_->file, line_, report_->object, path_, std::move(message)});
}

}  // namespace catflap::source
