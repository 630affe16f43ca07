// SPDX-License-Identifier: Apache-2.0
#include "iptables/render/rule.h"

#include <fmt/ranges.h>

#include "iptables/render/names.h"

namespace catflap::iptables {
namespace {

std::string words(const NetMatch& match) {
    return fmt::format("{} {}", match.side == Side::source ? "-s" : "-d", to_string(match.net));
}

std::string words(const std::vector<PortSpan>& ports) {
    std::vector<std::string> spans;
    for (const PortSpan& span : ports)
        spans.push_back(span.first == span.last ? fmt::format("{}", span.first)
                                                : fmt::format("{}:{}", span.first, span.last));
    return fmt::format("-m multiport --dports {}", fmt::join(spans, ","));
}

std::string words(const MarkMatch& match) {
    return fmt::format("-m mark --mark {:#x}/{:#x}", match.set ? match.bits : 0, match.bits);
}

std::string words(const Target& target) {
    switch (target.verb) {
        case Verb::accept:
            return "-j ACCEPT";
        case Verb::drop:
            return "-j DROP";
        case Verb::return_to_caller:
            return "-j RETURN";
        case Verb::jump:
            return "-j " + target.chain;
        case Verb::go_to:
            return "-g " + target.chain;
        case Verb::set_mark:
            return fmt::format("-j MARK --set-xmark {:#x}/{:#x}", target.bits, target.bits);
        case Verb::clear_mark:
            return fmt::format("-j MARK --set-xmark 0x0/{:#x}", target.bits);
    }
    return {};
}

}  // namespace

std::string to_string(const Rule& rule) {
    const Match& match = rule.match;
    std::vector<std::string> parts;
    if (!rule.note.empty())
        parts.push_back(fmt::format("-m comment --comment \"{}\"", rule.note));
    if (!match.in_interface.empty())
        parts.push_back("-i " + match.in_interface);
    if (!match.out_interface.empty())
        parts.push_back("-o " + match.out_interface);
    if (match.net)
        parts.push_back(words(*match.net));
    if (!match.protocol.empty())
        parts.push_back("-p " + match.protocol);
    if (match.icmpv6_type != 0)
        parts.push_back(fmt::format("-m icmp6 --icmpv6-type {}", match.icmpv6_type));
    if (!match.states.empty())
        parts.push_back("-m conntrack --ctstate " + match.states);
    if (match.mark)
        parts.push_back(words(*match.mark));
    for (const SetMatch& set : match.sets)
        parts.push_back(fmt::format("-m set --match-set {} {}", set.set, set.columns));
    if (!match.ports.empty())
        parts.push_back(words(match.ports));
    parts.push_back(words(rule.target));
    return fmt::format("{}", fmt::join(parts, " "));
}

void Chain::append(Rule rule) {
    std::string text = to_string(rule);
    std::string hash = rule_hash(name, rules.empty() ? "" : rules.back().hash, text);
    rules.push_back({std::move(rule), std::move(text), std::move(hash)});
}

std::string append_line(const Chain& chain, const HashedRule& rule) {
    return fmt::format("-A {} -m comment --comment \"cali:{}\" {}", chain.name, rule.hash, rule.text);
}

}  // namespace catflap::iptables
