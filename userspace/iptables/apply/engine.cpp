// SPDX-License-Identifier: Apache-2.0
#include "iptables/apply/engine.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "iptables/render/chains.h"
#include "iptables/apply/tool.h"

namespace catflap::iptables {
namespace {

// Attempts to destroy a set, 10 ms apart.
constexpr int kShortPatience = 10;
constexpr int kLongPatience = 100;

const char* words(size_t family) {
    return family == static_cast<size_t>(Family::ipv4) ? "IPv4" : "IPv6";
}

bool kernel_has(size_t family) {
    return family == static_cast<size_t>(Family::ipv4) || access("/proc/sys/net/ipv6", F_OK) == 0;
}

Result<std::vector<std::string>> our_sets(const std::string& ipset) {
    const auto listed = run_tool({ipset, "list", "-name"});
    if (!listed)
        return fail_because(listed.error(), "list the sets");
    return parse_set_names(*listed);
}

// A rule that has gone may hold its set for some milliseconds more: nf_tables frees what it deletes in the background.
Result<> destroy_sets(const std::string& ipset, std::vector<std::string> names, int patience) {
    constexpr auto kPause = std::chrono::milliseconds(10);
    for (int attempt = 1; !names.empty(); ++attempt) {
        std::string lines;
        for (const std::string& name : names)
            lines += fmt::format("destroy {}\n", name);
        const auto done = run_tool({ipset, "restore"}, lines);
        if (done)
            return {};
        if (attempt == patience)
            return fail_because(done.error(), "destroy {} sets that no rule of ours uses", names.size());
        std::this_thread::sleep_for(kPause);
        const auto left = our_sets(ipset);
        if (!left)
            return tl::unexpected(left.error());
        std::erase_if(names, [&](const std::string& name) { return std::ranges::find(*left, name) == left->end(); });
        if (!names.empty())  // it stops at the first that is still in use: let others be first
            std::ranges::rotate(names, names.begin() + 1);
    }
    return {};
}

}  // namespace

std::string to_string(Backend backend) {
    return backend == Backend::legacy ? "legacy" : "nft";
}

Result<Engine> Engine::open(Backend backend) {
    Engine engine(backend);
    auto ipset = find_tool("ipset");
    if (!ipset)
        return tl::unexpected(ipset.error());
    engine.ipset_ = std::move(*ipset);
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        if (!kernel_has(family))
            continue;
        const std::string stem =
            fmt::format("{}-{}", kFamilies[family] == Family::ipv4 ? "iptables" : "ip6tables", to_string(backend));
        auto save = find_tool(stem + "-save");
        auto restore = find_tool(stem + "-restore");
        if (!save || !restore)
            return tl::unexpected(save ? restore.error() : save.error());
        engine.tools_[family] = Tools{std::move(*save), std::move(*restore)};
    }
    return engine;
}

// Without -t: that would make a table that is not there.
Result<LoadedRules> Engine::read_rules(size_t family) const {
    const auto saved = run_tool({tools_[family]->save});
    if (!saved)
        return fail_because(saved.error(), "read the {} rules", words(family));
    return parse_rules(*saved);
}

Result<Loaded> Engine::read() const {
    Loaded loaded;
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        if (!tools_[family])
            continue;
        auto rules = read_rules(family);
        if (!rules)
            return tl::unexpected(rules.error());
        loaded.families[family] = std::move(*rules);
    }
    const auto sets = run_tool({ipset_, "save"});
    if (!sets)
        return fail_because(sets.error(), "read the sets");
    loaded.sets = parse_sets(*sets);
    return loaded;
}

Result<> Engine::write_rules(size_t family, const std::string& rules) const {
    if (rules.empty() || !tools_[family])
        return {};
    // Legacy rules are read, changed and written as one table, under a lock of all who do that.
    const auto done = run_tool({tools_[family]->restore, "--wait=30", "--noflush"}, rules);
    if (!done)
        return fail_because(done.error(), "write the {} rules", words(family));
    return {};
}

Result<> Engine::write_sets(const std::string& sets) const {
    if (sets.empty())
        return {};
    const auto done = run_tool({ipset_, "-exist", "restore"}, sets);
    if (!done)
        return fail_because(done.error(), "write the sets");
    return {};
}

Result<> Engine::execute(const Plan& plan) const {
    if (auto done = write_sets(plan.sets_before); !done)
        return done;
    for (size_t family = 0; family < kFamilies.size(); ++family)
        if (auto done = write_rules(family, plan.rules[family]); !done)
            return done;
    return {};
}

Result<ApplyReport> Engine::apply(const State& desired) {
    if (!loaded_) {
        auto read_now = read();
        if (!read_now)
            return tl::unexpected(read_now.error());
        loaded_ = std::move(*read_now);
    }
    const Plan plan = make_plan(*loaded_, desired);
    loaded_.reset();
    if (auto done = execute(plan); !done)
        return tl::unexpected(done.error());
    loaded_ = loaded_after(desired);
    // The other backend's rules may still name them, until it is taken away: the next apply() looks, and tries again.
    if (auto done = destroy_sets(ipset_, plan.stale_sets, kShortPatience); !done) {
        spdlog::warn("{}; they stay until then, and do no harm", done.error().message);
        loaded_.reset();
    }
    const bool anything = !plan.sets_before.empty() || !plan.rules[0].empty() || !plan.rules[1].empty();
    return ApplyReport{plan.endpoint_chains_written, plan.chains_written, plan.members_written, anything};
}

Result<std::array<std::map<std::string, std::vector<RuleCount>>, 2>> Engine::counts() const {
    std::array<std::map<std::string, std::vector<RuleCount>>, 2> counts;
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        if (!tools_[family])
            continue;
        const auto saved = run_tool({tools_[family]->save, "-c"});
        if (!saved)
            return fail_because(saved.error(), "read the {} counters", words(family));
        counts[family] = parse_counts(*saved);
    }
    return counts;
}

Result<> Engine::remove_rules() {
    const auto loaded = read();
    if (!loaded)
        return tl::unexpected(loaded.error());
    loaded_.reset();
    return execute(make_plan(*loaded, State{}));
}

std::vector<Family> Engine::families() const {
    std::vector<Family> result;
    for (const Family family : kFamilies)
        if (tools_[static_cast<size_t>(family)])
            result.push_back(family);
    return result;
}

bool Engine::begins_as_ours(const LoadedRules& rules) {
    const Chain hook = hook_rules().front();
    const Chain forward = hook_chains(Family::ipv4, {}).front();
    const auto hooked = rules.hooks.find(hook.name);
    if (hooked != rules.hooks.end() && hooked->second.first_hash == hook.rules.front().hash)
        return true;
    const auto chain = rules.chains.find(forward.name);
    return chain != rules.chains.end() && !chain->second.empty() && chain->second.front() == forward.rules.front().hash;
}

bool Engine::is_complete(const LoadedRules& rules) {
    const auto is_first = [&](const Chain& hook) {
        const auto found = rules.hooks.find(hook.name);
        return found != rules.hooks.end() && found->second.first_hash == hook.rules.front().hash;
    };
    const Chain forward = hook_chains(Family::ipv4, {}).front();
    const auto chain = rules.chains.find(forward.name);
    return std::ranges::all_of(hook_rules(), is_first) && chain != rules.chains.end() && !chain->second.empty() &&
           chain->second.front() == forward.rules.front().hash;
}

Result<Presence> Engine::presence(const std::vector<std::string>& interface_prefixes) const {
    Presence presence;
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        if (!tools_[family])
            continue;
        const auto saved = run_tool({tools_[family]->save});
        if (!saved)
            return fail_because(saved.error(), "read the {} rules", words(family));
        const LoadedRules rules = parse_rules(*saved);
        const bool ours = begins_as_ours(rules);
        presence.complete &= is_complete(rules) && std::ranges::all_of(interface_prefixes, [&](const auto& prefix) {
                                 return asks_for(*saved, prefix);
                             });
        presence.ours |= ours;
        presence.foreign |= !ours && has_our_names(*saved);
    }
    return presence;
}

Result<> remove_engines(std::optional<Backend> other_than) {
    Presence found;
    bool unseen = false;
    for (const Backend backend : {Backend::legacy, Backend::nft}) {
        auto engine = Engine::open(backend);
        unseen |= !engine;
        if (backend == other_than || (!engine && engine.error().code == ENOENT))
            continue;
        if (!engine)
            return tl::unexpected(engine.error());
        const auto presence = engine->presence();
        if (!presence)
            return tl::unexpected(presence.error());
        found.ours |= presence->ours;
        found.foreign |= presence->foreign;
        if (auto done = presence->ours ? engine->remove_rules() : Result<>{}; !done)
            return done;
    }
    // Without any chain of such a name they are of an agent of ours that died before it wrote the first.
    const auto ipset = find_tool("ipset");
    if (found.foreign || (unseen && !found.ours) || other_than || !ipset)
        return {};
    const auto names = our_sets(*ipset);
    return names ? destroy_sets(*ipset, *names, kLongPatience) : Result<>(tl::unexpected(names.error()));
}

bool chains_are_in_force(const std::vector<std::string>& interface_prefixes) {
    for (const Backend backend : {Backend::nft, Backend::legacy}) {
        const auto engine = Engine::open(backend);
        const auto presence =
            engine ? engine->presence(interface_prefixes) : Result<Presence>(tl::unexpected(engine.error()));
        if (presence && presence->ours && presence->complete)
            return true;
    }
    return false;
}

}  // namespace catflap::iptables
