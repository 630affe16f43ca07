// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "source/decode/document.h"

namespace catflap::source {
namespace {

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrue = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                                    "on",   "On",   "ON",   "y",   "Y"};
constexpr std::array<std::string_view, 11> kFalse = {"false", "False", "FALSE", "no", "No", "NO",
                                                     "off",   "Off",   "OFF",   "n",  "N"};
constexpr std::array<std::string_view, 3> kInfinite = {".inf", ".Inf", ".INF"};
constexpr std::array<std::string_view, 3> kNotANumber = {".nan", ".NaN", ".NAN"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

template <class List>
bool holds(const List& list, std::string_view text) {
    return std::ranges::find(list, text) != list.end();
}

// A scalar's number: whole, or not, or none at all.
struct Number {
    bool is_number = false;
    std::optional<int64_t> whole;
};

// The digits after 0x, 0o, 0b, or after the 0 of an octal number; 10: decimal.
int take_base(std::string_view& digits) {
    if (digits.size() < 2 || digits.front() != '0')
        return 10;
    const char letter = static_cast<char>(digits[1] | 0x20);
    const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    digits.remove_prefix(base != 0 ? 2 : 1);
    return base != 0 ? base : 8;
}

Number whole_number(std::string_view digits, bool negative) {
    const int base = take_base(digits);
    uint64_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (code != std::errc{} || end != digits.data() + digits.size())
        return {};
    if (value > INT64_MAX)
        return {true, std::nullopt};
    return {true, negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value)};
}

// 1.5, .5, 5., 1e3; 080 too, which is no octal number.
Number decimal_number(std::string_view text, bool negative) {
    if (!std::ranges::all_of(
            text, [](char c) { return is_digit(c) || std::string_view(".eE+-").find(c) != std::string_view::npos; }))
        return {};
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size())
        return {};
    constexpr double kExact = 9007199254740992;  // 2^53
    if (value != std::floor(value) || value > kExact)
        return {true, std::nullopt};
    return {true, static_cast<int64_t>(negative ? -value : value)};
}

Number number_of(std::string_view text) {
    const bool negative = text.starts_with('-');
    std::string_view unsigned_text = text;
    if (negative || text.starts_with('+'))
        unsigned_text.remove_prefix(1);
    if (holds(kInfinite, unsigned_text) || holds(kNotANumber, text))
        return {true, std::nullopt};
    if (unsigned_text.empty() || !(is_digit(unsigned_text.front()) || unsigned_text.front() == '.'))
        return {};
    std::string digits(unsigned_text);
    std::erase(digits, '_');
    const Number whole = whole_number(digits, negative);
    return whole.is_number ? whole : decimal_number(digits, negative);
}

}  // namespace

Value Value::scalar(std::string_view text, Style style, int line) {
    Value value(Kind::scalar, line, text.data(), text.size());
    value.style_ = style;
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
    if (holds(kNulls, text))
        return PlainType::null;
    if (holds(kTrue, text) || holds(kFalse, text))
        return PlainType::boolean;
    return number_of(text).is_number ? PlainType::number : PlainType::string;
}

std::optional<int64_t> plain_integer(std::string_view text) {
    return number_of(text).whole;
}

bool plain_boolean(std::string_view text) {
    return holds(kTrue, text);
}

}  // namespace catflap::source
