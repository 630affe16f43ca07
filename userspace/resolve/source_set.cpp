// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include "resolve/resolve.h"

namespace catflap::resolve {
namespace {

constexpr size_t kBlocksInName = 4;

std::string words(const PodMatch& match) {
    const std::string selector = catflap::to_string(match.pods);
    std::string text = selector.empty() ? "all pods" : "pods " + selector;
    if (match.declares)
        text += fmt::format(" with port {}={}/{}", match.declares->name, match.declares->number,
                            to_string(match.declares->protocol));
    if (match.ns)
        return text + " in namespace " + *match.ns;
    const std::string namespaces = catflap::to_string(match.namespaces);
    return text + (namespaces.empty() ? " in all namespaces" : " in namespaces " + namespaces);
}

std::string words(const IpBlock& block) {
    if (block.except.empty())
        return to_string(block.cidr);
    std::vector<std::string> except;
    for (const Prefix& prefix : block.except)
        except.push_back(to_string(prefix));
    return fmt::format("{} except {}", to_string(block.cidr), fmt::join(except, " "));
}

// A name must tell sets apart: a long list is cut, and its hash stands for the rest.
std::string words(const std::vector<IpBlock>& blocks) {
    std::vector<std::string> texts;
    size_t hash = 0;
    for (const IpBlock& block : blocks) {
        std::string text = words(block);
        hash = hash * 31 + std::hash<std::string>{}(text);
        if (texts.size() < kBlocksInName)
            texts.push_back(std::move(text));
    }
    if (blocks.size() <= kBlocksInName)
        return fmt::format("{}", fmt::join(texts, ", "));
    return fmt::format("{} and {} more #{:08x}", fmt::join(texts, ", "), blocks.size() - texts.size(),
                       static_cast<uint32_t>(hash ^ (hash >> 32)));
}

}  // namespace

std::string_view to_string(Direction direction) {
    return direction == Direction::ingress ? "Ingress" : "Egress";
}

std::string_view to_string(Action action) {
    switch (action) {
        case Action::allow:
            return "Allow";
        case Action::deny:
            return "Deny";
        case Action::pass:
            return "Pass";
    }
    return "?";
}

std::string to_string(const SourceSet& set) {
    if (!set.pods)
        return words(set.blocks);
    return set.blocks.empty() ? words(*set.pods) : words(*set.pods) + " inside " + words(set.blocks);
}

std::string to_string(const PortRange& range) {
    const std::string_view protocol = to_string(range.protocol);
    if (range.first == 0 && range.last == 65535)
        return fmt::format("any/{}", protocol);
    if (range.first == range.last)
        return fmt::format("{}/{}", range.first, protocol);
    return fmt::format("{}-{}/{}", range.first, range.last, protocol);
}

std::string to_string(const Rule& rule) {
    std::vector<std::string> peers;
    std::vector<std::string> ports;
    for (const SourceSet& set : rule.peers)
        peers.push_back(to_string(set));
    for (const PortRange& range : rule.ports)
        ports.push_back(to_string(range));
    return fmt::format("{} -> {}", rule.any_peer ? "everyone" : fmt::format("{}", fmt::join(peers, "; ")),
                       rule.any_port ? "everything" : fmt::format("{}", fmt::join(ports, " ")));
}

}  // namespace catflap::resolve
