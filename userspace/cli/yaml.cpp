// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace catflap::cli {
namespace {

using nlohmann::json;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Words that YAML 1.1 or 1.2 reads as a boolean or as null.
bool is_reserved(std::string_view text) {
    static constexpr std::array kReserved{"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return std::find(kReserved.begin(), kReserved.end(), lower) != kReserved.end();
}

// Narrower than YAML, so that it needs no table of exceptions: a letter or a slash first, then what
// names, paths, addresses and sentences are made of. ":" and "#" mean something only beside a
// space.
bool may_be_plain(std::string_view text) {
    if (text.empty() || !(is_letter(text.front()) || text.front() == '/') || text.back() == ' ' || text.back() == ':')
        return false;
    const bool harmless = std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view(" ._-/:=()+@;").find(c) != std::string_view::npos;
    });
    return harmless && text.find(": ") == std::string_view::npos && !is_reserved(text);
}

// A JSON string is a YAML double-quoted one, but for DEL and the C1 controls, which JSON leaves as
// they are.
std::string quoted(const std::string& text) {
    const std::string escaped = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
    std::string result;
    for (size_t i = 0; i < escaped.size(); ++i) {
        const auto byte = static_cast<unsigned char>(escaped[i]);
        const auto next = i + 1 < escaped.size() ? static_cast<unsigned char>(escaped[i + 1]) : 0;
        if (byte == 0x7f)
            result += "\\x7f";
        else if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(escaped[++i]));
        else
            result += escaped[i];
    }
    return result;
}

std::string scalar(const json& value) {
    if (!value.is_string())
        return value.dump();  // numbers, booleans, null, and the empty [] and {}
    const auto& text = value.get_ref<const std::string&>();
    return may_be_plain(text) ? text : quoted(text);
}

bool is_block(const json& value) {
    return value.is_structured() && !value.empty();
}

// `indented`: the first line's indent is written already (it follows a dash).
void emit(const json& value, size_t indent, bool indented, std::string& out) {
    const auto start_line = [&] {
        if (!indented)
            out.append(indent, ' ');
        indented = false;
    };
    if (value.is_array()) {
        for (const json& element : value) {
            start_line();
            out += "- ";
            if (is_block(element))
                emit(element, indent + 2, true, out);
            else
                out += scalar(element) + "\n";
        }
        return;
    }
    for (const auto& [key, element] : value.items()) {
        start_line();
        out += scalar(key) + ":";
        if (is_block(element)) {
            out += "\n";
            emit(element, indent + 2, false, out);
        } else {
            out += " " + scalar(element) + "\n";
        }
    }
}

}  // namespace

std::string to_yaml(const json& value) {
    std::string out;
    if (is_block(value))
        emit(value, 0, false, out);
    else
        out = scalar(value) + "\n";
    return out;
}

}  // namespace catflap::cli
