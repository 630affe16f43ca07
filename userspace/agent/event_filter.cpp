// SPDX-License-Identifier: Apache-2.0
#include "agent/event_filter.h"

#include <catflap/abi.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace catflap::agent {
namespace {

constexpr std::array kReasons = {
#define CATFLAP_REASON(name, label, sentence) label,
#include <catflap/reasons.def>
#undef CATFLAP_REASON
};

// "ns/name" is `wanted`, or its name is.
bool is_named(std::string_view full, std::string_view wanted) {
    return full == wanted || (wanted.find('/') == std::string_view::npos && full.ends_with(wanted) &&
                              full.size() > wanted.size() && full[full.size() - wanted.size() - 1] == '/');
}

bool is_in(std::string_view full, std::string_view ns) {
    return full.size() > ns.size() && full.starts_with(ns) && full[ns.size()] == '/';
}

Result<uint16_t> port_of(const std::string& text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0)
        return fail("--port {}: it is no number from 1 to 65535", text);
    return port;
}

Result<> check_reason(const std::string& reason) {
    if (reason.empty() || std::ranges::find(kReasons, std::string_view(reason)) != kReasons.end())
        return {};
    std::string known;
    for (const char* one : kReasons)
        known += (known.empty() ? "" : ", ") + std::string(one);
    return fail("--reason {}: there is no such reason, there are {}", reason, known);
}

// "tcp" -> "TCP", "icmpv6" -> "ICMPv6"; numbers as they are.
std::string canonical_protocol(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text == "ICMPV6" ? "ICMPv6" : text;
}

Result<> check_protocol(const std::string& protocol, const std::string& as_typed) {
    constexpr std::array<std::string_view, 5> kNames = {"TCP", "UDP", "SCTP", "ICMP", "ICMPv6"};
    const bool number = !protocol.empty() && protocol.size() <= 3 &&
                        std::ranges::all_of(protocol, [](char c) { return c >= '0' && c <= '9'; });
    if (protocol.empty() || number || std::ranges::find(kNames, std::string_view(protocol)) != kNames.end())
        return {};
    return fail("--protocol {}: it is none of tcp, udp, sctp, icmp, icmpv6, and no number", as_typed);
}

}  // namespace

bool EventFilter::End::is(const report::PacketEnd& end) const {
    if (prefix) {
        const auto address = parse_address(end.address);
        return address && prefix->contains(*address);
    }
    return name.empty() || is_named(end.name, name);
}

Result<EventFilter::End> EventFilter::end_of(const char* option, const std::string& text) {
    End end;
    if (const auto address = parse_address(text); address) {
        end.prefix = Prefix::host(*address);
    } else if (const auto prefix = parse_prefix(text); prefix) {
        end.prefix = prefix->prefix;
    } else {
        // A prefix with a mistake in it is no pod's name, though nothing of it forbids that.
        if (text.find_first_of(": ") != std::string::npos || parse_address(text.substr(0, text.find('/'))))
            return fail("{} {}: it is no pod, no address and no prefix", option, text);
        end.name = text;
    }
    return end;
}

Result<EventFilter> EventFilter::make(const report::MonitorQuestion& question) {
    EventFilter filter;
    filter.pod_ = question.pod;
    filter.ns_ = question.ns;
    filter.policy_ = question.policy;
    filter.reason_ = question.reason;
    filter.protocol_ = canonical_protocol(question.protocol);
    if (auto known = check_reason(filter.reason_); !known)
        return tl::unexpected(known.error());
    if (auto known = check_protocol(filter.protocol_, question.protocol); !known)
        return tl::unexpected(known.error());
    auto from = end_of("--from", question.from);
    auto to = end_of("--to", question.to);
    if (!from || !to)
        return tl::unexpected(from ? to.error() : from.error());
    filter.from_ = std::move(*from);
    filter.to_ = std::move(*to);
    if (!question.port.empty()) {
        const auto port = port_of(question.port);
        if (!port)
            return tl::unexpected(port.error());
        filter.port_ = *port;
    }
    return filter;
}

bool EventFilter::takes(const report::EventRow& row) const {
    const std::array<const std::string*, 3> names = {&row.pod, &row.source.name, &row.destination.name};
    const auto some = [&names](auto holds) {
        return std::ranges::any_of(names, [&](auto* name) { return holds(*name); });
    };
    if (!pod_.empty() && !some([&](const std::string& name) { return is_named(name, pod_); }))
        return false;
    if (!ns_.empty() && !some([&](const std::string& name) { return is_in(name, ns_); }))
        return false;
    if (!policy_.empty() &&
        std::ranges::none_of(row.policies, [&](const std::string& policy) { return is_named(policy, policy_); }))
        return false;
    return (reason_.empty() || row.reason == reason_) && (protocol_.empty() || row.protocol == protocol_) &&
           (port_ == 0 || row.source.port == port_ || row.destination.port == port_) && from_.is(row.source) &&
           to_.is(row.destination);
}

}  // namespace catflap::agent
