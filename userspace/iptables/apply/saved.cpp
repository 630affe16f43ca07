// SPDX-License-Identifier: Apache-2.0
#include "iptables/apply/saved.h"

#include <algorithm>
#include <charconv>

#include "iptables/render/chains.h"
#include "iptables/render/names.h"

namespace catflap::iptables {
namespace {

template <class Take>
void for_each_line(std::string_view text, const Take& take) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        take(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
}

// Other tables may have chains of the same names: a table begins with its name, "*filter".
template <class Take>
void for_each_filter_line(std::string_view saved, const Take& take) {
    bool inside = false;
    for_each_line(saved, [&](std::string_view line) {
        if (line.starts_with('*'))
            inside = line == "*filter";
        else if (inside)
            take(line);
    });
}

// Takes the first word off.
std::string_view take_word(std::string_view& line) {
    const size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
    return word;
}

// The 16 characters of `--comment "cali:..."`.
std::string hash_of(std::string_view rule) {
    constexpr std::string_view kMark = "--comment \"cali:";
    const size_t begin = rule.find(kMark);
    if (begin == std::string_view::npos)
        return {};
    const std::string_view rest = rule.substr(begin + kMark.size());
    return std::string(rest.substr(0, rest.find('"')));
}

bool jumps_to_us(std::string_view rule) {
    return rule.find(" -j cali-") != std::string_view::npos || rule.find(" -g cali-") != std::string_view::npos;
}

uint64_t number(std::string_view text) {
    uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// "[12:3456]"
RuleCount parse_count(std::string_view word) {
    const size_t colon = word.find(':');
    if (!word.starts_with('[') || colon == std::string_view::npos)
        return {};
    return {number(word.substr(1, colon - 1)), number(word.substr(colon + 1))};
}

IpSet empty_set(std::string_view name) {
    IpSet set;
    set.name = name;
    set.family = name.starts_with("cali6") ? Family::ipv6 : Family::ipv4;
    set.kind =
        name.size() > 6 && name[6] == static_cast<char>(SetKind::named_port) ? SetKind::named_port : SetKind::selector;
    return set;
}

}  // namespace

LoadedRules parse_rules(std::string_view saved) {
    LoadedRules loaded;
    std::map<std::string, bool, std::less<>> begun;  // built-in chains that have had their first rule
    for_each_filter_line(saved, [&](std::string_view line) {
        if (line.starts_with(':')) {
            const std::string_view chain = take_word(line).substr(1);
            if (chain.starts_with(kOurChains))
                loaded.chains[std::string(chain)];
            return;
        }
        if (take_word(line) != "-A")
            return;
        const std::string chain(take_word(line));
        if (chain.starts_with(kOurChains)) {
            loaded.chains[chain].push_back(hash_of(line));
            return;
        }
        const bool first = !std::exchange(begun[chain], true);
        if (!jumps_to_us(line))
            return;
        LoadedHook& hook = loaded.hooks[chain];
        hook.rules.emplace_back(line);
        if (first)
            hook.first_hash = hash_of(line);
    });
    return loaded;
}

bool has_our_names(std::string_view saved) {
    bool found = false;
    for_each_line(saved, [&](std::string_view line) {
        found |= line.starts_with(':') && line.substr(1).starts_with(kOurChains);
    });
    return found;
}

bool asks_for(std::string_view saved, const std::string& interface_prefix) {
    bool from = false;
    bool to = false;
    for_each_filter_line(saved, [&](std::string_view line) {
        const auto has = [&](const std::string& part) { return line.find(part) != std::string_view::npos; };
        if (!line.starts_with("-A cali-FORWARD "))
            return;
        from |= has(" -i " + interface_prefix + "+ ") && has(" -j " + std::string(kFromPod.dispatch));
        to |= has(" -o " + interface_prefix + "+ ") && has(" -j " + std::string(kToPod.dispatch));
    });
    return from && to;
}

std::map<std::string, IpSet> parse_sets(std::string_view saved) {
    std::map<std::string, IpSet> sets;
    for_each_line(saved, [&](std::string_view line) {
        const std::string_view verb = take_word(line);
        const std::string name(take_word(line));
        if (!is_our_set(name))
            return;
        IpSet& set = sets.try_emplace(name, empty_set(name)).first->second;
        if (verb == "add")
            if (const auto member = parse_member(take_word(line), set.kind))
                set.members.push_back(*member);
    });
    for (auto& [name, set] : sets)
        std::ranges::sort(set.members);
    return sets;
}

std::vector<std::string> parse_set_names(std::string_view listed) {
    std::vector<std::string> names;
    for_each_line(listed, [&](std::string_view line) {
        if (is_our_set(line))
            names.emplace_back(line);
    });
    return names;
}

std::map<std::string, std::vector<RuleCount>> parse_counts(std::string_view saved) {
    std::map<std::string, std::vector<RuleCount>> counts;
    for_each_filter_line(saved, [&](std::string_view line) {
        const std::string_view count = take_word(line);
        if (!count.starts_with('[') || take_word(line) != "-A")
            return;
        const std::string chain(take_word(line));
        if (chain.starts_with(kOurChains))
            counts[chain].push_back(parse_count(count));
    });
    return counts;
}

}  // namespace catflap::iptables
