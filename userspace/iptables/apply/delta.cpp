// SPDX-License-Identifier: Apache-2.0
#include "iptables/apply/delta.h"

#include <algorithm>
#include <iterator>

#include "iptables/render/chains.h"

namespace catflap::iptables {
namespace {

std::vector<std::string> hashes(const Chain& chain) {
    std::vector<std::string> result;
    for (const HashedRule& rule : chain.rules)
        result.push_back(rule.hash);
    return result;
}

// Naming a chain of ours with --noflush makes it, or empties it.
std::string declare(const std::string& chain) {
    return fmt::format(":{} - [0:0]\n", chain);
}

bool in_place(const LoadedHook& present, const std::vector<Chain>& hooks, const std::string& built_in) {
    const auto wanted = std::ranges::find(hooks, built_in, &Chain::name);
    return wanted != hooks.end() && present.rules.size() == 1 && present.first_hash == wanted->rules.front().hash;
}

// A rule of a built-in chain is deleted by its text, and comes back at the top.
std::string hook_lines(const LoadedRules& loaded, const std::vector<Chain>& hooks) {
    std::string lines;
    for (const auto& [built_in, present] : loaded.hooks)
        if (!in_place(present, hooks, built_in))
            for (const std::string& stale : present.rules)
                lines += fmt::format("-D {} {}\n", built_in, stale);
    for (const Chain& hook : hooks) {
        const auto present = loaded.hooks.find(hook.name);
        if (present == loaded.hooks.end() || !in_place(present->second, hooks, hook.name))
            lines += fmt::format("-I{}\n", append_line(hook, hook.rules.front()).substr(2));
    }
    return lines;
}

void count_chain(const std::string& name, Plan& plan) {
    ++plan.chains_written;
    if (name.starts_with(kFromPod.endpoint) || name.starts_with(kToPod.endpoint))
        ++plan.endpoint_chains_written;
}

std::string rule_lines(const LoadedRules& loaded, const Rules& desired, Plan& plan) {
    std::string declarations;
    std::string rules;
    std::string deletions;
    for (const auto& [name, chain] : desired.chains) {
        const auto present = loaded.chains.find(name);
        if (present != loaded.chains.end() && present->second == hashes(chain))
            continue;
        count_chain(name, plan);
        declarations += declare(name);
        for (const HashedRule& rule : chain.rules)
            rules += append_line(chain, rule) + "\n";
    }
    for (const auto& [name, rules_of_it] : loaded.chains) {
        if (desired.chains.contains(name))
            continue;
        ++plan.chains_written;
        declarations += declare(name);
        deletions += fmt::format("-X {}\n", name);
    }
    const std::string lines = declarations + rules + hook_lines(loaded, desired.hooks) + deletions;
    return lines.empty() ? lines : "*filter\n" + lines + "COMMIT\n";
}

class SetPlanner {
  public:
    SetPlanner(const Loaded& loaded, Plan& plan) : loaded_(loaded), plan_(plan) {}

    void change(const IpSet& set) {
        const auto present = loaded_.sets.find(set.name);
        if (present == loaded_.sets.end())
            return create(set.name, set);
        std::vector<SetMember> added;
        std::vector<SetMember> removed;
        std::ranges::set_difference(set.members, present->second.members, std::back_inserter(added));
        std::ranges::set_difference(present->second.members, set.members, std::back_inserter(removed));
        if (added.size() + removed.size() > set.members.size() && !set.members.empty())
            return replace(set);
        write("add", set.name, set.kind, added);
        write("del", set.name, set.kind, removed);
    }

  private:
    void create(const std::string& name, const IpSet& set) {
        plan_.sets_before += fmt::format("create {} {}\n", name, type_words(set.kind, set.family));
        write("add", name, set.kind, set.members);
    }

    // As a whole, without a moment in which it is neither the old nor the new one.
    void replace(const IpSet& set) {
        std::string name;
        do
            name = fmt::format("cali{}t{}", set.family == Family::ipv4 ? '4' : '6', temporaries_++);
        while (loaded_.sets.contains(name));
        create(name, set);
        plan_.sets_before += fmt::format("swap {} {}\ndestroy {}\n", name, set.name, name);
    }

    void write(std::string_view verb, const std::string& name, SetKind kind, const std::vector<SetMember>& members) {
        plan_.members_written += members.size();
        for (const SetMember& member : members)
            plan_.sets_before += fmt::format("{} {} {}\n", verb, name, to_string(member, kind));
    }

    const Loaded& loaded_;
    Plan& plan_;
    size_t temporaries_ = 0;
};

}  // namespace

Plan make_plan(const Loaded& loaded, const State& desired) {
    Plan plan;
    SetPlanner sets(loaded, plan);
    for (const auto& [name, set] : desired.sets)
        sets.change(set);
    for (size_t family = 0; family < kFamilies.size(); ++family)
        plan.rules[family] = rule_lines(loaded.families[family], desired.families[family], plan);
    for (const auto& [name, set] : loaded.sets)
        if (!desired.sets.contains(name))
            plan.stale_sets.push_back(name);
    return plan;
}

Loaded loaded_after(const State& state) {
    Loaded loaded;
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        for (const Chain& hook : state.families[family].hooks) {
            const HashedRule& rule = hook.rules.front();
            const std::string line = append_line(hook, rule);
            loaded.families[family].hooks[hook.name] = {{line.substr(hook.name.size() + 4)}, rule.hash};
        }
        for (const auto& [name, chain] : state.families[family].chains)
            loaded.families[family].chains[name] = hashes(chain);
    }
    loaded.sets = state.sets;
    return loaded;
}

}  // namespace catflap::iptables
