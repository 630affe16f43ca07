// SPDX-License-Identifier: Apache-2.0
#include "model/interface_prefixes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace catflap {
namespace {

// What may stand in rules of nftables and iptables as it is; a kernel lets nearly every byte into a name.
bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
}

// How a node's own interfaces begin: to close them would cut it off.
constexpr std::array<std::string_view, 10> kNodesOwn = {"eth",  "en",   "wl", "ww", "bond",
                                                        "team", "vlan", "br", "ib", "lo"};
// The AWS VPC CNI's begin with one of them, and no naming scheme of systemd gives them to a card.
constexpr std::string_view kAws = "eni";

Result<> check(const std::string& prefix) {
    if (prefix.size() < 2 || prefix.size() > InterfacePrefixes::kMostBytes || !std::ranges::all_of(prefix, is_plain))
        return fail("\"{}\" is no beginning of interface names: give 2 to {} letters, digits, or one of _ - .", prefix,
                    +InterfacePrefixes::kMostBytes);
    for (const std::string_view own : kNodesOwn)
        if (own.starts_with(prefix) || (prefix.starts_with(own) && !prefix.starts_with(kAws)))
            return fail("\"{}\" would close a node's own interfaces, which begin with {}", prefix, own);
    return {};
}

}  // namespace

Result<InterfacePrefixes> InterfacePrefixes::parse(const std::string& text) {
    InterfacePrefixes result;
    result.prefixes_.clear();
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const std::string prefix = text.substr(begin, end - begin);
        if (auto done = check(prefix); !done)
            return tl::unexpected(done.error());
        result.prefixes_.push_back(prefix);
        begin = end + 1;
    }
    std::ranges::sort(result.prefixes_);
    // Sorted, what begins with another comes right behind it, or behind more of its kind.
    const auto [first, last] = std::ranges::unique(
        result.prefixes_, [](const std::string& one, const std::string& next) { return next.starts_with(one); });
    result.prefixes_.erase(first, last);
    if (result.prefixes_.size() > kMost)
        return fail("{} prefixes are given, {} are possible", result.prefixes_.size(), +kMost);
    return result;
}

bool InterfacePrefixes::match(std::string_view interface) const {
    return std::ranges::any_of(prefixes_, [&](const std::string& prefix) { return interface.starts_with(prefix); });
}

std::vector<std::string> InterfacePrefixes::names_of(const ObjectName& pod) const {
    std::vector<std::string> names;
    const std::string digits = interface_digits(pod);
    if (digits.empty())
        return names;
    for (const std::string& prefix : prefixes_)
        names.push_back(prefix + digits);
    return names;
}

std::string InterfacePrefixes::text() const {
    return fmt::format("{}*", fmt::join(prefixes_, "* or "));
}

}  // namespace catflap
