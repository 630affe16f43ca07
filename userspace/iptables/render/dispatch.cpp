// SPDX-License-Identifier: Apache-2.0
// From an interface's name to its endpoint's chain: a tree of two levels.
#include <algorithm>

#include "iptables/render/chains.h"
#include "iptables/render/names.h"

namespace catflap::iptables {
namespace {

size_t common_prefix_length(const std::vector<std::string>& sorted) {
    if (sorted.empty())
        return 0;
    const auto [end, other] = std::ranges::mismatch(sorted.front(), sorted.back());
    return static_cast<size_t>(end - sorted.front().begin());
}

Rule entry(const Way& way, const std::string& interface, std::string chain) {
    Match match;
    (way.direction == resolve::Direction::egress ? match.in_interface : match.out_interface) = interface;
    return {.match = std::move(match), .target = {.verb = Verb::go_to, .chain = std::move(chain)}};
}

Rule endpoint_entry(const Way& way, const std::string& interface) {
    return entry(way, interface, std::string(way.endpoint) + interface);
}

Rule drop_unknown() {
    return {.target = {Verb::drop}, .note = "Unknown interface"};
}

}  // namespace

std::vector<Chain> dispatch_chains(const Way& way, std::vector<std::string> interfaces) {
    std::ranges::sort(interfaces);
    const size_t common = common_prefix_length(interfaces);
    std::vector<Chain> chains;
    Chain root{std::string(way.dispatch), {}};
    for (auto begin = interfaces.begin(); begin != interfaces.end();) {
        const std::string stem = begin->substr(0, common + 1);  // the name itself, where it is the common prefix
        const auto end = std::find_if(begin, interfaces.end(),
                                      [&](const std::string& name) { return name.substr(0, common + 1) != stem; });
        if (end - begin == 1) {
            root.append(endpoint_entry(way, *begin));
        } else {
            Chain child{chain_name(std::string(way.dispatch) + "-", stem.substr(common)), {}};
            for (auto name = begin; name != end; ++name)
                child.append(endpoint_entry(way, *name));
            child.append(drop_unknown());
            root.append(entry(way, stem + "+", child.name));
            chains.push_back(std::move(child));
        }
        begin = end;
    }
    root.append(drop_unknown());
    chains.push_back(std::move(root));
    return chains;
}

}  // namespace catflap::iptables
