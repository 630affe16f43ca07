// SPDX-License-Identifier: Apache-2.0
#include "support/executors/rule_walk.h"

#include <algorithm>
#include <stdexcept>

namespace catflap::test {
namespace {

using namespace iptables;

enum class Verdict : uint8_t { accept, drop, none };

bool interface_matches(const std::string& wanted, const std::string& name) {
    if (wanted.ends_with('+'))
        return name.starts_with(wanted.substr(0, wanted.size() - 1));
    return wanted.empty() || wanted == name;
}

uint8_t protocol_number(const std::string& word) {
    static const std::map<std::string, uint8_t> names = {{"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"ipv6-icmp", 58}};
    const auto named = names.find(word);
    return named == names.end() ? static_cast<uint8_t>(std::stoi(word)) : named->second;
}

class Walk {
  public:
    Walk(const State& state, const WalkedPacket& packet)
        : state_(state), rules_(state.families.at(static_cast<size_t>(packet.source.family()))), packet_(packet) {}

    Verdict chain(const Chain& chain) {
        if (++depth_ > 16)
            throw std::logic_error("the chains lead into a circle at " + chain.name);
        const Verdict verdict = rules(chain);
        --depth_;
        return verdict;
    }

  private:
    Verdict rules(const Chain& chain) {
        for (const HashedRule& hashed : chain.rules) {
            const Rule& rule = hashed.rule;
            if (!matches(rule.match))
                continue;
            switch (rule.target.verb) {
                case Verb::accept:
                    return Verdict::accept;
                case Verb::drop:
                    return Verdict::drop;
                case Verb::return_to_caller:
                    return Verdict::none;
                case Verb::go_to:
                    return this->chain(rules_.chains.at(rule.target.chain));
                case Verb::jump:
                    if (const Verdict verdict = this->chain(rules_.chains.at(rule.target.chain));
                        verdict != Verdict::none)
                        return verdict;
                    break;
                case Verb::set_mark:
                    mark_ |= rule.target.bits;
                    break;
                case Verb::clear_mark:
                    mark_ &= ~rule.target.bits;
                    break;
            }
        }
        return Verdict::none;
    }

    [[nodiscard]] bool matches(const Match& match) const {
        if (!interface_matches(match.in_interface, packet_.in_interface) ||
            !interface_matches(match.out_interface, packet_.out_interface))
            return false;
        if (!match.protocol.empty() && protocol_number(match.protocol) != packet_.protocol)
            return false;
        if (match.icmpv6_type != 0 && match.icmpv6_type != packet_.icmpv6_type)
            return false;
        if (!match.states.empty() && match.states.find(packet_.state) == std::string::npos)
            return false;
        if (match.mark &&
            (match.mark->set ? (mark_ & match.mark->bits) != match.mark->bits : (mark_ & match.mark->bits) != 0))
            return false;
        return net_matches(match) && ports_match(match) &&
               std::ranges::all_of(match.sets, [&](const SetMatch& set) { return set_matches(set); });
    }

    [[nodiscard]] bool net_matches(const Match& match) const {
        return !match.net ||
               match.net->net.contains(match.net->side == Side::source ? packet_.source : packet_.destination);
    }

    [[nodiscard]] bool ports_match(const Match& match) const {
        return match.ports.empty() || std::ranges::any_of(match.ports, [&](const PortSpan& span) {
                   return span.first <= packet_.destination_port && packet_.destination_port <= span.last;
               });
    }

    [[nodiscard]] bool set_matches(const SetMatch& match) const {
        const IpSet& set = state_.sets.at(match.set);
        const Address& address = match.columns == "src" ? packet_.source : packet_.destination;
        return std::ranges::any_of(set.members, [&](const SetMember& member) {
            return member.net.contains(address) &&
                   (set.kind == SetKind::selector || (static_cast<uint8_t>(member.protocol) == packet_.protocol &&
                                                      member.port == packet_.destination_port));
        });
    }

    const State& state_;
    const Rules& rules_;
    const WalkedPacket& packet_;
    uint32_t mark_ = 0;
    int depth_ = 0;
};

}  // namespace

bool passes(const State& state, const std::string& built_in, const WalkedPacket& packet) {
    const auto& hooks = state.families.at(static_cast<size_t>(packet.source.family())).hooks;
    const auto hook = std::ranges::find(hooks, built_in, &Chain::name);
    return hook == hooks.end() || Walk(state, packet).chain(*hook) != Verdict::drop;
}

}  // namespace catflap::test
