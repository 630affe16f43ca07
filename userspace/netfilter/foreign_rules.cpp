// SPDX-License-Identifier: Apache-2.0
#include "netfilter/foreign_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace catflap::netfilter {
namespace {

// To which kube-proxy, in modes iptables and ipvs, and the kubelet lead packets. Not every KUBE-*: kube-router, too,
// has chains of that name, and those are policy.
constexpr std::array<std::string_view, 10> kKubeProxy = {"KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL",
                                                         "KUBE-FORWARD",           "KUBE-IPVS-FILTER",
                                                         "KUBE-IPVS-OUT-FILTER",   "KUBE-NODE-PORT",
                                                         "KUBE-NODEPORTS",         "KUBE-PROXY-FIREWALL",
                                                         "KUBE-SERVICES",          "KUBE-SOURCE-RANGES-FIREWALL"};

bool leads_to_kube_proxy(const std::string& led_to) {
    return std::ranges::find(kKubeProxy, led_to) != kKubeProxy.end();
}

bool is_ours(const HookedChain& chain) {
    return chain.family == "inet" && (chain.table == "catflap" || chain.table == "catflap_conntrack");
}

// Of its mode nftables.
bool is_kube_proxys(const HookedChain& chain) {
    return (chain.family == "ip" || chain.family == "ip6") && chain.table == "kube-proxy" && !chain.legacy;
}

// A chain of a device sees what passes that device, which may be a pod's.
bool sees_forwarded(const HookedChain& chain) {
    static const std::set<std::string_view> kOnTheWay = {"prerouting", "forward", "postrouting", "ingress", "egress"};
    return chain.family != "bridge" && chain.family != "arp" && kOnTheWay.contains(chain.hook);
}

std::string words_of(const HookedChain& chain) {
    return fmt::format("table {} {}{}, chain {}", chain.family, chain.table, chain.legacy ? " (iptables-legacy)" : "",
                       chain.name);
}

std::string hook_of(std::string_view built_in) {
    static constexpr std::array<std::pair<std::string_view, const char*>, 5> kHooks = {
        {{"PREROUTING", "prerouting"},
         {"INPUT", "input"},
         {"FORWARD", "forward"},
         {"OUTPUT", "output"},
         {"POSTROUTING", "postrouting"}}};
    for (const auto& [name, hook] : kHooks)
        if (name == built_in)
            return hook;
    return "";
}

// Words are quoted where they hold spaces; what is inside of quotes is no option.
std::vector<std::string> words_of_rule(std::string_view line) {
    std::vector<std::string> words;
    bool quoted = false;
    bool in_word = false;
    for (size_t at = 0; at < line.size(); ++at) {
        const char letter = line[at];
        if (letter == ' ' && !quoted) {
            in_word = false;
            continue;
        }
        if (!std::exchange(in_word, true))
            words.emplace_back();
        if (letter == '"')
            quoted = !quoted;
        else
            words.back() += letter == '\\' && quoted && at + 1 < line.size() ? line[++at] : letter;
    }
    return words;
}

// -j CHAIN or -g CHAIN.
std::string target_of(const std::vector<std::string>& words) {
    for (size_t at = 2; at + 1 < words.size(); ++at)
        if (words[at] == "-j" || words[at] == "-g")
            return words[at + 1];
    return "";
}

}  // namespace

bool may_see_forwarded(const HookedChain& chain) {
    return sees_forwarded(chain) && chain.type != "nat" && !is_ours(chain) && !is_kube_proxys(chain);
}

std::vector<std::string> foreign_rules(const std::vector<HookedChain>& chains) {
    std::vector<std::string> result;
    for (const HookedChain& chain : chains) {
        if (!may_see_forwarded(chain))
            continue;
        if (!std::ranges::all_of(chain.rules, leads_to_kube_proxy))
            result.push_back("rules of others see forwarded packets: " + words_of(chain));
        else if (chain.drops)
            result.push_back("forwarded packets are dropped unless a rule accepts them: " + words_of(chain));
    }
    return result;
}

std::vector<HookedChain> parse_legacy(std::string_view saved, const std::string& family) {
    std::vector<HookedChain> chains;
    std::string table;
    while (!saved.empty()) {
        const size_t end = saved.find('\n');
        const std::string_view line = saved.substr(0, end);
        saved = end == std::string_view::npos ? std::string_view{} : saved.substr(end + 1);
        if (line.starts_with('*'))
            table = line.substr(1);
        const auto words = words_of_rule(line);
        if (line.starts_with(':') && words.size() >= 2) {
            HookedChain chain{family, table, words[0].substr(1), table == "nat" ? "nat" : "filter", "", true,
                              false,  {}};
            chain.hook = hook_of(chain.name);
            chain.drops = words[1] != "ACCEPT";
            if (words[1] != "-")  // a chain of a user's, which no hook leads to
                chains.push_back(std::move(chain));
        }
        if (!line.starts_with("-A ") || words.size() < 2)
            continue;
        const auto chain = std::ranges::find_if(
            chains, [&](const HookedChain& one) { return one.table == table && one.name == words[1]; });
        if (chain != chains.end())
            chain->rules.push_back(target_of(words));
    }
    return chains;
}

}  // namespace catflap::netfilter
