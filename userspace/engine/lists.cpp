// SPDX-License-Identifier: Apache-2.0
#include "engine/lists.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/policy_rows.h"

namespace catflap::engine {
namespace {

using resolve::Direction;

// Words of one row: of a rule with thousands of peers the first ones do.
class Words {
  public:
    void add(const std::function<std::string()>& text) {
        if (words_.size() < kMaxWords)
            words_.insert(text());
        else
            ++more_;
    }
    [[nodiscard]] std::vector<std::string> list(const char* where_none) const {
        std::vector<std::string> result(words_.begin(), words_.end());
        if (result.empty())
            result.emplace_back(where_none);
        if (more_ > 0)
            result.push_back(fmt::format("and up to {} more", more_));
        return result;
    }

  private:
    static constexpr size_t kMaxWords = 64;
    std::set<std::string> words_;
    size_t more_ = 0;
};

// Those that govern the endpoint that was asked for, by direction. Nothing: no endpoint was asked for.
using PoliciesByDirection = std::array<std::set<PolicyName>, 2>;
std::optional<PoliciesByDirection> of_asked_endpoint(const View& view, const report::Page& page) {
    if (page.query().endpoint.empty())
        return std::nullopt;
    PoliciesByDirection result;
    for (const compile::EndpointSpec& spec : view.endpoints) {
        if (!spec.pod || !page.of_endpoint(spec.pod->ns, spec.pod->name, spec.interface))
            continue;
        const auto resolved = view.resolved.endpoints.find(*spec.pod);
        if (resolved == view.resolved.endpoints.end())
            continue;
        for (const Direction direction : resolve::kDirections) {
            const auto& policies = view.resolved.policies[resolved->second[static_cast<size_t>(direction)]]->policies;
            result[static_cast<size_t>(direction)].insert(policies.begin(), policies.end());
        }
    }
    return result;
}

report::RuleRow rule_row(const RuleId& id, std::span<const ListedRule> same) {
    Words peers;
    Words ports;
    size_t endpoints = 0;
    for (size_t i = 0; i < same.size(); ++i) {
        const ListedRule& listed = same[i];
        // One rule of a manifest may be several of a table: named ports differ from pod to pod.
        endpoints += i == 0 || same[i - 1].table != listed.table ? listed.endpoints : 0;
        for (const resolve::SourceSet& set : listed.rule->peers)
            peers.add([&] { return brief(set); });
        for (const resolve::PortRange& range : listed.rule->ports)
            ports.add([&] { return to_string(range); });
    }
    report::RuleRow row;
    row.policy_kind = catflap::to_string(id.policy.kind);
    row.policy_ns = id.policy.ns;
    row.policy = id.policy.name;
    row.action = to_string(same.front().rule->action);
    row.direction = to_string(id.direction);
    row.index = id.index;
    row.peers = peers.list("everyone");
    row.ports = ports.list("everything");
    row.endpoints = endpoints;
    return row;
}

struct Reason {
    const char* label;
    const char* sentence;
};
constexpr std::array<Reason, kInvalidState + 1> kReasons = {{
    {"none", ""},
#define CATFLAP_REASON(name, label, sentence) {label, sentence},
#define CATFLAP_IPTABLES_REASON CATFLAP_REASON
#include <catflap/reasons.def>
#undef CATFLAP_REASON
}};

}  // namespace

report::EndpointRow endpoint_row(const View& view, const compile::EndpointSpec& spec) {
    report::EndpointRow row;
    row.interface = spec.interface;
    row.ifindex = spec.ifindex;
    row.ns = spec.pod ? spec.pod->ns : "";
    row.pod = spec.pod ? spec.pod->name : "";
    row.uid = spec.uid;
    row.fast_path = view.fast_path ? view.fast_path(spec.ifindex) : "";
    for (const Address& address : spec.addresses)
        if (!address.is_unset())
            row.addresses.push_back(to_string(address));
    row.state = !spec.pod               ? report::EndpointState::unknown
                : row.addresses.empty() ? report::EndpointState::no_address
                                        : report::EndpointState::enforced;
    return row;
}

Result<> list_policies(const View& view, report::Page& page,
                       const std::function<CountedByDirection(const PolicyName&)>& count) {
    const auto cursor = page.cursor("tt");
    if (!cursor)
        return tl::unexpected(cursor.error());
    const PolicyName after = *cursor ? policy_at((*cursor)->text(0), (*cursor)->text(1)) : PolicyName{};
    const auto asked = of_asked_endpoint(view, page);
    const auto take = [&](const PolicyName& name, report::PolicyRow row) {
        const bool of_it = !asked || (*asked)[0].contains(name) || (*asked)[1].contains(name);
        if (of_it && page.wants(name.ns, name.name)) {
            row.counted = count(name);
            page.add(row);
        }
    };
    const auto& policies = view.cluster.policies;
    const auto& of_cluster = view.cluster.cluster_policies;
    const bool lists_cluster = view.cluster_policies && !of_cluster.empty();
    if (after.kind == PolicyKind::network_policy) {
        auto next = *cursor ? policies.upper_bound({after.ns, after.name}) : policies.begin();
        for (; next != policies.end(); ++next) {
            take(next->first, row_of(view, next->second));
            if (page.full() && (std::next(next) != policies.end() || lists_cluster)) {
                page.continue_at({next->first.ns, next->first.name});
                return {};
            }
        }
    }
    if (!lists_cluster)
        return {};
    const Ranks ranks(view.cluster);
    for (auto next = of_cluster.upper_bound(after); next != of_cluster.end(); ++next) {
        take(next->first, row_of(view, next->second, ranks));
        if (page.full() && std::next(next) != of_cluster.end()) {
            page.continue_at({place_of(next->first), next->first.name});
            return {};
        }
    }
    return {};
}

Result<> list_rules(const View& view, report::Page& page,
                    const std::function<Counted(Direction, const resolve::Rule&)>& count) {
    view.index.update(view.resolved, view.commit);
    const auto& rules = view.index.rules();
    const auto cursor = page.cursor("nttnn");
    if (!cursor)
        return tl::unexpected(cursor.error());
    auto next = rules.begin();
    if (*cursor) {
        const RuleId after{(*cursor)->number(0) == 0 ? Direction::egress : Direction::ingress,
                           policy_at((*cursor)->text(1), (*cursor)->text(2)),
                           static_cast<uint32_t>((*cursor)->number(3)), (*cursor)->number(4)};
        next = std::ranges::upper_bound(rules, after, {}, id_of);
    }
    const auto asked = of_asked_endpoint(view, page);
    while (next != rules.end()) {
        const RuleId id = id_of(*next);
        const auto end = std::find_if(next, rules.end(), [&](const ListedRule& rule) { return id_of(rule) != id; });
        const bool of_it = !asked || (*asked)[static_cast<size_t>(id.direction)].contains(id.policy);
        if (of_it && page.wants(id.policy.ns, id.policy.name)) {
            report::RuleRow row = rule_row(id, {next, end});
            (next->rule->action == resolve::Action::deny ? row.counted.dropped : row.counted.allowed) =
                count(id.direction, *next->rule);
            page.add(row);
        }
        next = end;
        if (page.full() && next != rules.end()) {
            page.continue_at({uint64_t{id.direction == Direction::ingress}, place_of(id.policy), id.policy.name,
                              uint64_t{id.index}, id.hash});
            break;
        }
    }
    return {};
}

const char* label_of(uint32_t reason) {
    return kReasons.at(reason).label;
}

report::DropRow drop_row(uint32_t reason, const Counted& dropped) {
    return {kReasons.at(reason).label, kReasons.at(reason).sentence, dropped};
}

std::vector<std::string> texts_of(const std::vector<PolicyName>& names) {
    std::vector<std::string> result;
    for (const PolicyName& name : names)
        result.push_back(to_string(name));
    return result;
}

std::string brief(const resolve::SourceSet& set) {
    constexpr size_t kBlocks = 16;
    constexpr size_t kBytes = 2000;
    std::string text;
    size_t left_out = 0;
    const auto too_many = [](const IpBlock& block) { return block.except.size() > kBlocks; };
    if (set.blocks.size() <= kBlocks && std::ranges::none_of(set.blocks, too_many)) {
        text = to_string(set);
    } else {
        resolve::SourceSet part{set.pods, {}};
        part.blocks.assign(set.blocks.begin(),
                           set.blocks.begin() + static_cast<ptrdiff_t>(std::min(kBlocks, set.blocks.size())));
        left_out = set.blocks.size() - part.blocks.size();
        for (IpBlock& block : part.blocks) {
            left_out += block.except.size() - std::min(kBlocks, block.except.size());
            block.except.resize(std::min(kBlocks, block.except.size()));
        }
        text = to_string(part);
    }
    if (text.size() > kBytes)
        text = text.substr(0, kBytes) + fmt::format(" and {} bytes more", text.size() - kBytes);
    return left_out == 0 ? text : text + fmt::format(" and {} CIDRs more", left_out);
}

}  // namespace catflap::engine
