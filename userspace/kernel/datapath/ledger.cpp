// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/ledger.h"

#include <algorithm>
#include <cstring>

#include <spdlog/spdlog.h>

namespace catflap::kernel {
namespace {

// namespace (63) "/" name (253), or "/" kind "/" name of what is in no namespace, and a terminating zero; rounded up.
constexpr size_t kPolicyNameBytes = 320;

// Of policies in each direction, those that are gone included.
constexpr uint32_t kMostTotals = 65536;

// One entry for each policy of a decision; a rule has one, the end of a tier has all of it that govern the pod.
struct NameKey {
    uint32_t decision;
    uint32_t ordinal;
};

struct NameValue {
    uint64_t rule_hash;
    uint32_t rule_index;
    uint8_t is_default;
    uint8_t direction;
    uint8_t action;  // of a rule: enum Action
    uint8_t pad;
    char policy[kPolicyNameBytes];
};

struct TotalKey {
    char policy[kPolicyNameBytes];
    uint32_t direction;
};

void write_name(char (&target)[kPolicyNameBytes], const PolicyName& policy) {
    const std::string text = policy.kind == PolicyKind::network_policy
                                 ? to_string(policy)
                                 : fmt::format("/{}/{}", to_string(policy.kind), policy.name);
    std::memcpy(target, text.data(), std::min(text.size(), kPolicyNameBytes - 1));
}

PolicyName read_name(const char (&source)[kPolicyNameBytes]) {
    const std::string text(source, strnlen(source, kPolicyNameBytes));
    for (const PolicyKind kind : {PolicyKind::cluster_network_policy, PolicyKind::admin_network_policy,
                                  PolicyKind::baseline_admin_network_policy})
        if (const std::string prefix = fmt::format("/{}/", to_string(kind)); text.starts_with(prefix))
            return {kind, text.substr(prefix.size())};
    const size_t slash = text.find('/');
    return {text.substr(0, slash), slash == std::string::npos ? "" : text.substr(slash + 1)};
}

TotalKey total_key(const PolicyName& policy, resolve::Direction direction) {
    TotalKey key{};
    write_name(key.policy, policy);
    key.direction = static_cast<uint32_t>(direction);
    return key;
}

void copy_entries(int from, int to, uint32_t key_bytes, uint32_t value_bytes) {
    std::vector<char> key(key_bytes);
    std::vector<char> value(value_bytes);
    for (int more = bpf_map_get_next_key(from, nullptr, key.data()); more == 0;
         more = bpf_map_get_next_key(from, key.data(), key.data()))
        if (bpf_map_lookup_elem(from, key.data(), value.data()) == 0)
            bpf_map_update_elem(to, key.data(), value.data(), BPF_ANY);
}

// A smaller one of an earlier agent grows.
Result<UniqueFd> open_or_make(const std::filesystem::path& path, bpf_map_type type, const char* name,
                              uint32_t key_bytes, uint32_t value_bytes, uint32_t entries, uint32_t flags) {
    auto pinned = open_pinned(path);
    if (!pinned)
        return tl::unexpected(pinned.error());
    if (*pinned) {
        const auto info = map_info((*pinned)->get());
        const bool readable = info && info->key_bytes == key_bytes && info->value_bytes == value_bytes;
        if (readable && info->max_entries >= entries)
            return std::move(**pinned);
        if (!readable)
            pinned->reset();  // of another version: its counts cannot be read
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
    UniqueFd fd(bpf_map_create(type, name, key_bytes, value_bytes, entries, &options));
    if (!fd)
        return fail_errno(errno, "create map {}", name);
    if (*pinned)
        copy_entries((*pinned)->get(), fd.get(), key_bytes, value_bytes);
    if (auto done = pin(fd.get(), path); !done)
        return tl::unexpected(done.error());
    return fd;
}

}  // namespace

Result<Ledger> Ledger::open(const std::filesystem::path& pin_dir, CpuArray<catflap_counter> rule_counters,
                            uint32_t decisions) {
    Ledger ledger;
    ledger.rule_counters_ = std::move(rule_counters);
    auto names = open_or_make(pin_dir / "decision_names", BPF_MAP_TYPE_HASH, "decision_names", sizeof(NameKey),
                              sizeof(NameValue), compile::kNamesPerDecision * decisions, BPF_F_NO_PREALLOC);
    auto totals = open_or_make(pin_dir / "policy_totals", BPF_MAP_TYPE_HASH, "policy_totals", sizeof(TotalKey),
                               sizeof(PolicyTotals), kMostTotals, BPF_F_NO_PREALLOC);
    auto generations = open_or_make(pin_dir / "generations", BPF_MAP_TYPE_ARRAY, "generations", sizeof(uint32_t),
                                    sizeof(GenerationPair), CATFLAP_MAX_ENDPOINTS / 2, BPF_F_MMAPABLE);
    for (auto* map : {&names, &totals, &generations})
        if (!*map)
            return tl::unexpected(map->error());
    ledger.names_ = std::move(*names);
    ledger.totals_ = std::move(*totals);
    ledger.generations_fd_ = std::move(*generations);
    auto memory =
        MappedArray<GenerationPair>::map(ledger.generations_fd_.get(), "generations", CATFLAP_MAX_ENDPOINTS / 2);
    if (!memory)
        return tl::unexpected(memory.error());
    ledger.generations_ = std::move(*memory);
    if (auto done = ledger.read_names(decisions); !done)
        return tl::unexpected(done.error());
    return ledger;
}

Result<> Ledger::read_names(uint32_t decisions) {
    std::map<uint32_t, std::map<uint32_t, NameValue>> entries;
    for_each_key<NameKey>(names_.get(), [&](const NameKey& key) {
        NameValue value{};
        if (bpf_map_lookup_elem(names_.get(), &key, &value) == 0)
            entries[key.decision][key.ordinal] = value;
        return true;
    });
    for (const auto& [decision, parts] : entries) {
        if (decision >= decisions)
            continue;
        compile::DecisionKey key;
        for (const auto& [ordinal, value] : parts) {
            key.is_default = value.is_default != 0;
            key.direction = static_cast<resolve::Direction>(value.direction);
            key.rule_index = value.rule_index;
            key.rule_hash = value.rule_hash;
            key.action = static_cast<resolve::Action>(value.action);
            key.policies.push_back(read_name(value.policy));
        }
        found_.emplace_back(decision, std::move(key));
    }
    return {};
}

Result<> Ledger::name(uint32_t decision, const compile::DecisionKey& key) {
    for (uint32_t ordinal = 0; ordinal < key.policies.size(); ++ordinal) {
        const NameKey name_key{decision, ordinal};
        NameValue value{};
        value.rule_hash = key.rule_hash;
        value.rule_index = key.rule_index;
        value.is_default = key.is_default;
        value.direction = static_cast<uint8_t>(key.direction);
        value.action = static_cast<uint8_t>(key.action);
        write_name(value.policy, key.policies[ordinal]);
        if (bpf_map_update_elem(names_.get(), &name_key, &value, BPF_ANY) != 0)
            return fail_errno(errno, "name the counter of {} in map decision_names", to_string(key.policies[ordinal]));
    }
    return {};
}

Result<> Ledger::add(const PolicyName& policy, resolve::Direction direction, const PolicyTotals& totals) {
    const TotalKey key = total_key(policy, direction);
    PolicyTotals sum = settled(policy, direction);
    sum.allowed.packets += totals.allowed.packets;
    sum.allowed.bytes += totals.allowed.bytes;
    sum.dropped.packets += totals.dropped.packets;
    sum.dropped.bytes += totals.dropped.bytes;
    const bool saved = bpf_map_update_elem(totals_.get(), &key, &sum, BPF_ANY) == 0;
    if (!saved && errno == E2BIG) {
        spdlog::warn("map policy_totals is full: what policy {} has counted in rules that are gone is forgotten",
                     to_string(policy));
        return {};
    }
    if (!saved)
        return fail_errno(errno, "save the counts of {} in map policy_totals", to_string(policy));
    return {};
}

Result<> Ledger::add_counts(const compile::DecisionKey& key, const catflap_counter& counts) {
    PolicyTotals totals;
    (key.drops() ? totals.dropped : totals.allowed) = counts;
    if (counts.packets != 0)
        for (const PolicyName& policy : key.policies)
            if (auto done = add(policy, key.direction, totals); !done)
                return done;
    return {};
}

Result<> Ledger::settle(uint32_t decision, const compile::DecisionKey& key) {
    if (auto done = add_counts(key, count(decision)); !done)
        return done;
    rule_counters_.clear(decision);
    for (uint32_t ordinal = 0; ordinal < key.policies.size(); ++ordinal) {
        const NameKey name_key{decision, ordinal};
        bpf_map_delete_elem(names_.get(), &name_key);
    }
    return {};
}

PolicyTotals Ledger::settled(const PolicyName& policy, resolve::Direction direction) const {
    const TotalKey key = total_key(policy, direction);
    PolicyTotals totals;
    if (bpf_map_lookup_elem(totals_.get(), &key, &totals) != 0)
        return {};
    return totals;
}

}  // namespace catflap::kernel
