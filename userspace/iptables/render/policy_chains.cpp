// SPDX-License-Identifier: Apache-2.0
// A policy's chain. Each pair of a peer and a protocol is a rule of its own that sets the accept mark; what one
// iptables rule cannot hold is decided in front of it, in scratch marks.
#include <algorithm>

#include "iptables/render/chains.h"
#include "iptables/render/names.h"

namespace catflap::iptables {
namespace {

using resolve::Direction;
using resolve::PodMatch;

// One of any_of must match, and none of none_of.
struct Block {
    std::vector<Match> any_of;
    std::vector<Match> none_of;
};

struct Part {
    Match match;
    std::vector<Block> blocks;  // at most two: addresses, ports
};

// Of one protocol. All empty: every port.
struct PortGroup {
    std::string protocol;  // "": all protocols
    std::vector<PortSpan> spans;
    std::vector<PortName> names;
};

std::string protocol_word(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp:
            return "tcp";
        case Protocol::udp:
            return "udp";
        case Protocol::sctp:
            return "sctp";
    }
    return {};
}

std::vector<PortGroup> port_groups(const std::vector<PolicyPort>& ports) {
    if (ports.empty())
        return {PortGroup{}};
    std::vector<PortGroup> groups;
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp}) {
        PortGroup group{protocol_word(protocol), {}, {}};
        bool used = false;
        bool every_port = false;
        for (const PolicyPort& port : ports) {
            if (port.protocol != protocol)
                continue;
            used = true;
            if (const auto* number = std::get_if<uint16_t>(&port.port))
                group.spans.push_back({*number, port.end_port.value_or(*number)});
            else if (const auto* name = std::get_if<std::string>(&port.port))
                group.names.push_back({*name, protocol});
            else
                every_port = true;
        }
        if (every_port)
            group = {group.protocol, {}, {}};
        if (used)
            groups.push_back(std::move(group));
    }
    return groups;
}

class PolicyChain {
  public:
    PolicyChain(const Way& way, Family family, const Policy& policy, const Membership& membership,
                std::map<std::string, IpSet>& sets)
        : way_(way), family_(family), policy_(policy), membership_(membership), sets_(sets) {
        chain_.name = policy_chain_name(way, policy.name);
    }

    Chain make() {
        const auto& rules = ingress() ? policy_.ingress : policy_.egress;
        for (uint32_t i = 0; i < rules.size(); ++i) {
            credit_ = Credit{.direction = way_.direction, .policies = {policy_.name}, .index = i};
            const auto groups = port_groups(rules[i].ports);
            if (rules[i].peers.empty())
                add_peer(PolicyPeer{}, groups);
            for (const PolicyPeer& peer : rules[i].peers)
                add_peer(peer, groups);
        }
        return std::move(chain_);
    }

  private:
    [[nodiscard]] bool ingress() const { return way_.direction == Direction::ingress; }

    void add_peer(const PolicyPeer& peer, const std::vector<PortGroup>& groups) {
        if (peer.ip_block && peer.ip_block->cidr.family() != family_)
            return;
        for (const PortGroup& group : groups)
            if (!ingress() && (peer.pods || peer.namespaces))
                add_destination_pods(peer_pods(peer), group);
            else
                add(peer, group);
    }

    // The destinations are the selected pods: a port's name is each one's own, and names the pods, too.
    void add_destination_pods(const PodMatch& pods, const PortGroup& group) {
        if (group.names.empty() || !group.spans.empty()) {
            Part part;
            part.match.protocol = group.protocol;
            part.match.sets.push_back({use(pods), "dst"});
            add_ports(part, port_alternatives({group.protocol, group.spans, {}}, pods));
            append(std::move(part));
        }
        for (const PortName& name : group.names) {
            Part part;
            part.match.protocol = group.protocol;
            part.match.sets.push_back({use(pods, name), "dst,dst"});
            append(std::move(part));
        }
    }

    // A port's name is that of the policy's own pods, or of any pod that the traffic goes to.
    void add(const PolicyPeer& peer, const PortGroup& group) {
        Part part;
        part.match.protocol = group.protocol;
        if (peer.ip_block)
            add_block(part, *peer.ip_block);
        else if (peer.pods || peer.namespaces)
            part.match.sets.push_back({use(peer_pods(peer)), "src"});
        PodMatch named;
        if (ingress()) {
            named.ns = policy_.name.ns;
            named.pods = policy_.pods;
        }
        add_ports(part, port_alternatives(group, named));
        append(std::move(part));
    }

    [[nodiscard]] PodMatch peer_pods(const PolicyPeer& peer) const {
        PodMatch match;
        if (peer.namespaces)
            match.namespaces = *peer.namespaces;
        else
            match.ns = policy_.name.ns;
        if (peer.pods)
            match.pods = *peer.pods;
        return match;
    }

    void add_block(Part& part, const IpBlock& block) const {
        const Side side = ingress() ? Side::source : Side::destination;
        if (block.except.empty()) {
            part.match.net = NetMatch{side, block.cidr};
            return;
        }
        Block addresses;
        addresses.any_of.push_back({.net = NetMatch{side, block.cidr}});
        for (const Prefix& except : block.except)
            addresses.none_of.push_back({.net = NetMatch{side, except}});
        part.blocks.push_back(std::move(addresses));
    }

    std::vector<Match> port_alternatives(const PortGroup& group, const PodMatch& named) {
        std::vector<Match> alternatives;
        for (auto& ports : multiport_lists(group.spans))
            alternatives.push_back({.protocol = group.protocol, .ports = std::move(ports)});
        for (const PortName& name : group.names) {
            SetMatch set{use(named, name), "dst,dst"};
            alternatives.push_back({.protocol = group.protocol, .sets = {std::move(set)}});
        }
        return alternatives;
    }

    static void add_ports(Part& part, std::vector<Match> alternatives) {
        if (alternatives.size() > 1) {
            part.blocks.push_back({std::move(alternatives), {}});
            return;
        }
        for (Match& only : alternatives) {
            part.match.ports = std::move(only.ports);
            std::ranges::move(only.sets, std::back_inserter(part.match.sets));
        }
    }

    void append(Part part) {
        if (!part.blocks.empty()) {
            append_blocks(part.blocks);
            part.match.mark = MarkMatch{kAllBlocks, true};
        }
        chain_.append({.match = std::move(part.match), .target = set(kAccepted), .credit = credit_});
        chain_.append(return_where_accepted());
    }

    // kAllBlocks survives as long as every block has matched.
    void append_blocks(const std::vector<Block>& blocks) {
        chain_.append({.target = clear(kAllBlocks | kThisBlock)});
        for (size_t i = 0; i < blocks.size(); ++i) {
            for (Match match : blocks[i].any_of) {
                if (i > 0)
                    match.mark = MarkMatch{kAllBlocks, true};
                chain_.append({.match = std::move(match), .target = set(i == 0 ? kAllBlocks : kThisBlock)});
            }
            for (const Match& match : blocks[i].none_of)
                chain_.append({.match = match, .target = clear(kAllBlocks)});
            if (i > 0)
                chain_.append({.match = {.mark = MarkMatch{kThisBlock, false}}, .target = clear(kAllBlocks)});
        }
    }

    static Target set(uint32_t bits) { return {.verb = Verb::set_mark, .bits = bits}; }
    static Target clear(uint32_t bits) { return {.verb = Verb::clear_mark, .bits = bits}; }

    // The set's name; it is needed from now on, and filled once.
    std::string use(const PodMatch& pods) {
        IpSet set = describe_pods(pods, family_);
        const auto [entry, added] = sets_.try_emplace(set.name, set);
        if (added)
            membership_.fill(entry->second, pods);
        return entry->first;
    }

    std::string use(const PodMatch& pods, const PortName& port) {
        IpSet set = describe_ports(pods, port, family_);
        const auto [entry, added] = sets_.try_emplace(set.name, set);
        if (added)
            membership_.fill(entry->second, pods, port);
        return entry->first;
    }

    const Way& way_;
    Family family_;
    const Policy& policy_;
    const Membership& membership_;
    std::map<std::string, IpSet>& sets_;
    Chain chain_;
    Credit credit_;
};

}  // namespace

Chain policy_chain(const Way& way, Family family, const Policy& policy, const Membership& membership,
                   std::map<std::string, IpSet>& sets) {
    return PolicyChain(way, family, policy, membership, sets).make();
}

}  // namespace catflap::iptables
