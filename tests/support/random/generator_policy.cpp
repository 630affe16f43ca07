// SPDX-License-Identifier: Apache-2.0
// Random policies: few labels, few ports and nested blocks, so that everything meets everything.
#include <algorithm>
#include <array>

#include "support/random/generator.h"

namespace catflap::test {
namespace {

using Operator = LabelRequirement::Operator;

constexpr std::array<const char*, 2> kKeys = {"app", "tier"};
constexpr std::array<const char*, 3> kValues = {"a", "b", ""};
constexpr std::array<const char*, 3> kTeams = {"x", "y", ""};
constexpr std::array<const char*, 4> kNamespaces = {"n0", "n1", "n2", "n3"};
constexpr std::array<const char*, 3> kPortNames = {"http", "dns", "admin"};
constexpr std::array<uint16_t, 10> kPorts = {1, 2, 79, 80, 81, 83, 443, 8080, 65534, 65535};
constexpr std::array<Protocol, 4> kProtocols = {Protocol::tcp, Protocol::tcp, Protocol::udp, Protocol::sctp};
// Bits of the mapped form: IPv4 /0, /1, /8, /16, /22, /23, /24, /25, /28 to /32.
constexpr std::array<uint8_t, 13> kLengths4 = {96, 97, 104, 112, 118, 119, 120, 121, 124, 125, 126, 127, 128};
constexpr std::array<uint8_t, 14> kLengths6 = {0, 1, 8, 16, 61, 64, 80, 96, 111, 112, 113, 120, 127, 128};

template <class Values>
std::vector<std::string> some_of(Random& random, const Values& values) {
    std::vector<std::string> chosen = {random.pick(values)};
    if (random.chance(30))
        chosen.emplace_back(random.pick(values));
    std::ranges::sort(chosen);
    const auto [first, last] = std::ranges::unique(chosen);
    chosen.erase(first, last);
    return chosen;
}

template <class Values>
LabelRequirement random_requirement(Random& random, const std::string& key, const Values& values) {
    switch (random.below(6)) {
        case 0:
            return {key, Operator::exists, {}};
        case 1:
            return {key, Operator::does_not_exist, {}};
        case 2:
            return {key, Operator::not_in, some_of(random, values)};
        default:
            return {key, Operator::in, some_of(random, values)};
    }
}

Selector normal(std::vector<LabelRequirement> requirements) {
    std::ranges::sort(requirements);
    const auto [first, last] = std::ranges::unique(requirements);
    requirements.erase(first, last);
    return {std::move(requirements)};
}

}  // namespace

Selector random_selector(Random& random) {
    std::vector<LabelRequirement> requirements;
    for (size_t count = random.below(3); count > 0; --count)
        requirements.push_back(random_requirement(random, random.pick(kKeys), kValues));
    return normal(std::move(requirements));
}

Selector random_namespace_selector(Random& random) {
    std::vector<LabelRequirement> requirements;
    if (random.chance(60))
        requirements.push_back(random_requirement(random, "team", kTeams));
    if (random.chance(20))
        requirements.push_back(random_requirement(random, "kubernetes.io/metadata.name", kNamespaces));
    return normal(std::move(requirements));
}

namespace {

// Of the host part, keeps what the pools' addresses look like in half of the cases.
Address inside(Random& random, const Prefix& block) {
    const Address other = random_address(random, block.family());
    if (block.contains(other))
        return other;
    Address address = block.address();
    for (size_t bit = block.length(); bit < 128; ++bit)
        if (random.chance(50))
            address.bytes[bit / 8] = static_cast<uint8_t>(address.bytes[bit / 8] | (0x80U >> bit % 8));
    return address;
}

}  // namespace

IpBlock random_block(Random& random) {
    const Family family = random.chance(60) ? Family::ipv4 : Family::ipv6;
    const uint8_t length = family == Family::ipv4 ? random.pick(kLengths4) : random.pick(kLengths6);
    const Address base =
        family == Family::ipv6 && random.chance(15) ? parse_address("::5").value() : random_address(random, family);
    IpBlock block{Prefix(base, length), {}};
    for (size_t count = random.chance(50) ? random.between(1, 3) : 0; count > 0 && length < 128; --count) {
        const auto longer = random.chance(40) ? length + 1UL : random.between(length + 1UL, 128);
        const Prefix except(inside(random, block.cidr), static_cast<uint8_t>(longer));
        // An IPv6 prefix that holds ::ffff:0:0/96 would spell an IPv4 one; the decoder takes no
        // such text.
        if (except.family() == family)
            block.except.push_back(except);
    }
    std::ranges::sort(block.except);
    const auto [first, last] = std::ranges::unique(block.except);
    block.except.erase(first, last);
    return block;
}

namespace {

PolicyPeer random_peer(Random& random) {
    switch (random.below(5)) {
        case 0:
            return {random_selector(random), {}, {}};
        case 1:
            return {{}, random_namespace_selector(random), {}};
        case 2:
            return {random_selector(random), random_namespace_selector(random), {}};
        default:
            return {{}, {}, random_block(random)};
    }
}

PolicyPort random_port(Random& random) {
    PolicyPort port;
    port.protocol = random.pick(kProtocols);
    const size_t kind = random.below(10);
    if (kind < 3)
        port.port = std::string(random.pick(kPortNames));
    else if (kind < 9) {
        const uint16_t first = random.pick(kPorts);
        port.port = first;
        if (random.chance(40))
            port.end_port = static_cast<uint16_t>(
                std::min<size_t>(65535, first + random.pick(std::array<size_t, 4>{0, 1, 2, 100})));
    }
    return port;
}

std::vector<PolicyRule> random_rules(Random& random) {
    std::vector<PolicyRule> rules(random.below(4));
    for (PolicyRule& rule : rules) {
        for (size_t count = random.chance(15) ? 0 : random.between(1, 3); count > 0; --count)
            rule.peers.push_back(random_peer(random));
        for (size_t count = random.chance(30) ? 0 : random.between(1, 3); count > 0; --count)
            rule.ports.push_back(random_port(random));
    }
    return rules;
}

}  // namespace

Labels random_labels(Random& random) {
    Labels labels;
    for (const char* key : kKeys)
        if (random.chance(60))
            labels.set(key, random.pick(kValues));
    return labels;
}

Labels random_namespace_labels(Random& random) {
    Labels labels;
    if (random.chance(70))
        labels.set("team", random.pick(kTeams));
    return labels;
}

Policy random_policy(Random& random, const ObjectName& name) {
    Policy policy;
    policy.name = name;
    if (random.chance(60))
        policy.pods = random_selector(random);
    policy.isolates_egress = random.chance(50);
    policy.isolates_ingress = !policy.isolates_egress || random.chance(50);
    policy.ingress = random_rules(random);
    policy.egress = random_rules(random);
    return policy;
}

}  // namespace catflap::test
