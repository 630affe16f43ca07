// SPDX-License-Identifier: Apache-2.0
#include "source/decode/names.h"

#include <algorithm>

namespace catflap::source {
namespace {

constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxSubdomain = 253;
constexpr size_t kMaxPortName = 15;

bool is_lower_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

// [a-z0-9]([-a-z0-9]*[a-z0-9])?
bool is_dns_part(std::string_view text) {
    return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

// ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], at most 63 characters
bool is_qualified_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxLabel && is_alnum(text.front()) && is_alnum(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_dns_subdomain(std::string_view text) {
    if (text.size() > kMaxSubdomain)
        return false;
    for (size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
        if (!is_dns_part(text.substr(0, dot)))
            return false;
        text.remove_prefix(dot + 1);
    }
    return is_dns_part(text);
}

}  // namespace

std::string_view check_dns_label(std::string_view text) {
    if (text.size() <= kMaxLabel && is_dns_part(text))
        return {};
    return "1 to 63 of a-z, 0-9 and '-', a letter or digit at both ends";
}

std::string_view check_dns_subdomain(std::string_view text) {
    if (is_dns_subdomain(text))
        return {};
    return "1 to 253 of a-z, 0-9, '-' and '.', a letter or digit at both ends of each part";
}

std::string_view check_label_key(std::string_view text) {
    const size_t slash = text.find('/');
    const bool has_prefix = slash != std::string_view::npos;
    if ((!has_prefix || is_dns_subdomain(text.substr(0, slash))) &&
        is_qualified_name(has_prefix ? text.substr(slash + 1) : text))
        return {};
    return "an optional DNS name and '/', then 1 to 63 of A-Z, a-z, 0-9, '-', '_' and '.', a letter or "
           "digit at both ends";
}

std::string_view check_label_value(std::string_view text) {
    if (text.empty() || is_qualified_name(text))
        return {};
    return "empty, or up to 63 of A-Z, a-z, 0-9, '-', '_' and '.', a letter or digit at both ends";
}

std::string_view check_port_name(std::string_view text) {
    const bool has_letter = std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
    if (text.size() <= kMaxPortName && is_dns_part(text) && has_letter && text.find("--") == std::string_view::npos)
        return {};
    return "up to 15 of a-z, 0-9 and '-', at least one letter, no '-' at either end and no '--'";
}

}  // namespace catflap::source
