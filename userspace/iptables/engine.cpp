// SPDX-License-Identifier: Apache-2.0
#include "iptables/engine.h"

#include <unistd.h>

#include <algorithm>

#include "iptables/chains.h"
#include "iptables/tool.h"

namespace catflap::iptables {
namespace {

const char* words(size_t family) {
    return family == static_cast<size_t>(Family::ipv4) ? "IPv4" : "IPv6";
}

bool kernel_has(size_t family) {
    return family == static_cast<size_t>(Family::ipv4) || access("/proc/sys/net/ipv6", F_OK) == 0;
}

}  // namespace

std::string_view to_string(Backend backend) {
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
    return write_sets(plan.sets_after);
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
    return ApplyReport{plan.chains_written, plan.members_written};
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

Result<> Engine::remove() {
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

Result<bool> Engine::is_present() const {
    const std::vector<Chain> ours = hook_rules();
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        if (!tools_[family])
            continue;
        const auto rules = read_rules(family);
        if (!rules)
            return tl::unexpected(rules.error());
        const auto hook = rules->hooks.find(ours.front().name);
        if (hook == rules->hooks.end())
            continue;
        const std::string& hash = ours.front().rules.front().hash;
        if (std::ranges::any_of(hook->second.rules,
                                [&](const std::string& rule) { return rule.find(hash) != std::string::npos; }))
            return true;
    }
    return false;
}

Result<> remove_everything() {
    for (const Backend backend : {Backend::legacy, Backend::nft}) {
        auto engine = Engine::open(backend);
        if (!engine && engine.error().code == ENOENT)
            continue;
        if (!engine)
            return tl::unexpected(engine.error());
        if (auto done = engine->remove(); !done)
            return done;
    }
    return {};
}

}  // namespace catflap::iptables
