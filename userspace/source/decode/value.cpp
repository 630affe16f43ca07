// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "source/decode/document.h"

namespace catflap::source {
namespace {

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 18> kBooleans = {"true", "True", "TRUE", "false", "False", "FALSE",
                                                        "yes",  "Yes",  "YES",  "no",    "No",    "NO",
                                                        "on",   "On",   "ON",   "off",   "Off",   "OFF"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// 0x1f, 0o17, 0b11; underscores as YAML 1.1 allows them.
bool is_based_number(std::string_view text) {
    if (text.size() < 3 || text[0] != '0')
        return false;
    const auto all = [&](auto accepts) { return std::ranges::all_of(text.substr(2), accepts); };
    switch (text[1]) {
        case 'x':
            return all(
                [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '_'; });
        case 'o':
        case 'b':
            return all([](char c) { return is_digit(c) || c == '_'; });
        default:
            return false;
    }
}

// 12, 1.5, .5, 1e9, 1_000.
bool is_decimal_number(std::string_view text) {
    size_t at = 0;
    bool digits = false;
    const auto skip_digits = [&] {
        for (; at < text.size() && (is_digit(text[at]) || (digits && text[at] == '_')); ++at)
            digits = true;
    };
    skip_digits();
    if (at < text.size() && text[at] == '.') {
        ++at;
        skip_digits();
    }
    if (digits && at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '-' || text[at] == '+'))
            ++at;
        digits = false;
        skip_digits();
    }
    return digits && at == text.size();
}

bool is_number(std::string_view text) {
    if (text == ".nan" || text == ".NaN" || text == ".NAN")
        return true;
    if (text.starts_with('-') || text.starts_with('+'))
        text.remove_prefix(1);
    return text == ".inf" || text == ".Inf" || text == ".INF" || is_decimal_number(text) || is_based_number(text);
}

}  // namespace

Value Value::scalar(std::string_view text, bool quoted, int line) {
    Value value(Kind::scalar, line, text.data(), text.size());
    value.quoted_ = quoted;
    return value;
}

Value Value::sequence(std::span<const Value* const> items, int line) {
    return {Kind::sequence, line, items.data(), items.size()};
}

Value Value::mapping(std::span<const Entry> entries, int line) {
    return {Kind::mapping, line, entries.data(), entries.size()};
}

std::string_view Value::text() const noexcept {
    if (kind_ != Kind::scalar)
        return {};
    return {static_cast<const char*>(data_), size_};
}

std::span<const Value* const> Value::items() const noexcept {
    if (kind_ != Kind::sequence)
        return {};
    return {static_cast<const Value* const*>(data_), size_};
}

std::span<const Entry> Value::entries() const noexcept {
    if (kind_ != Kind::mapping)
        return {};
    return {static_cast<const Entry*>(data_), size_};
}

const Value* find(std::span<const Entry> entries, std::string_view key) {
    const auto found = std::ranges::find(entries, key, &Entry::key);
    return found == entries.end() ? nullptr : found->value;
}

PlainType plain_type(std::string_view text) {
    if (std::ranges::find(kNulls, text) != kNulls.end())
        return PlainType::null;
    if (std::ranges::find(kBooleans, text) != kBooleans.end())
        return PlainType::boolean;
    return is_number(text) ? PlainType::number : PlainType::string;
}

}  // namespace catflap::source
