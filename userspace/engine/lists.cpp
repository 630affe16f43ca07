// SPDX-License-Identifier: Apache-2.0
#include "agent/report_list.h"

#include <algorithm>
#include <set>

namespace catflap::agent {
namespace {

using nlohmann::json;
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
    [[nodiscard]] json list(const char* where_none) const {
        json result = words_.empty() ? json::array({where_none}) : json(words_);
        if (more_ > 0)
            result.push_back(fmt::format("and up to {} more", more_));
        return result;
    }

  private:
    static constexpr size_t kMaxWords = 64;
    std::set<std::string> words_;
    size_t more_ = 0;
};

json directions(const Policy& policy) {
    json result = json::array();
    if (policy.isolates_ingress)
        result.push_back("Ingress");
    if (policy.isolates_egress)
        result.push_back("Egress");
    return result;
}

// Pods of one namespace stand together.
size_t selected_endpoints(const AgentState& state, const Policy& policy) {
    const Cluster& cluster = state.source->cluster();
    const auto first = std::ranges::lower_bound(state.local.pods, ObjectName{policy.name.ns, ""});
    size_t count = 0;
    for (auto name = first; name != state.local.pods.end() && name->ns == policy.name.ns; ++name)
        if (const auto pod = cluster.pods.find(*name); pod != cluster.pods.end())
            count += matches(policy.pods, pod->second.labels);
    return count;
}

// Those that isolate the endpoint that was asked for, by direction. Nothing: no endpoint was asked for.
using PoliciesByDirection = std::array<std::set<ObjectName>, 2>;
std::optional<PoliciesByDirection> of_asked_endpoint(const AgentState& state, const report::Page& page) {
    if (page.query().endpoint.empty())
        return std::nullopt;
    PoliciesByDirection result;
    for (const compile::EndpointSpec& spec : state.local.endpoints) {
        if (!spec.pod || !page.of_endpoint(spec.pod->ns, spec.pod->name, spec.interface))
            continue;
        const auto resolved = state.resolved.endpoints.find(*spec.pod);
        if (resolved == state.resolved.endpoints.end())
            continue;
        for (const Direction direction : resolve::kDirections) {
            const auto& policies = state.resolved.policies[resolved->second[static_cast<size_t>(direction)]]->policies;
            result[static_cast<size_t>(direction)].insert(policies.begin(), policies.end());
        }
    }
    return result;
}

json rule_row(const RuleId& id, std::span<const ListedRule> same) {
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
    return {{"policyNamespace", id.policy.ns},
            {"policy", id.policy.name},
            {"direction", to_string(id.direction)},
            {"index", id.index},
            {"peers", peers.list("everyone")},
            {"ports", ports.list("everything")},
            {"endpoints", endpoints}};
}

struct Reason {
    const char* label;
    const char* sentence;
};
constexpr std::array<Reason, kInvalidState + 1> kReasons = {{
    {"none", ""},
#define CATFLAP_REASON(name, label, sentence) {label, sentence},
#include <catflap/reasons.def>
#undef CATFLAP_REASON
    {"invalid_state", "conntrack takes the packet for part of no connection"},
}};

}  // namespace

json fields_of(const AllowedAndDropped& counted) {
    return {{"allowedPackets", counted.allowed.packets},
            {"allowedBytes", counted.allowed.bytes},
            {"droppedPackets", counted.dropped.packets},
            {"droppedBytes", counted.dropped.bytes}};
}

json endpoint_row(const compile::EndpointSpec& spec, const AllowedAndDropped& from_pod,
                  const AllowedAndDropped& to_pod) {
    json addresses = json::array();
    for (const Address& address : spec.addresses)
        if (!address.is_unset())
            addresses.push_back(to_string(address));
    AllowedAndDropped sum = from_pod;
    sum.allowed.add(to_pod.allowed.packets, to_pod.allowed.bytes);
    sum.dropped.add(to_pod.dropped.packets, to_pod.dropped.bytes);
    json row = {{"interface", spec.interface},
                {"ifindex", spec.ifindex},
                {"namespace", spec.pod ? spec.pod->ns : ""},
                {"pod", spec.pod ? spec.pod->name : ""},
                {"uid", spec.uid},
                {"state", !spec.pod           ? "unknown"
                          : addresses.empty() ? "noAddress"
                                              : "enforced"},
                {"addresses", std::move(addresses)},
                {"fromPod", fields_of(from_pod)},
                {"toPod", fields_of(to_pod)}};
    row.update(fields_of(sum));
    return row;
}

Result<> list_policies(const AgentState& state, report::Page& page,
                       const std::function<AllowedAndDropped(const ObjectName&)>& count) {
    const auto& policies = state.source->cluster().policies;
    auto next = policies.begin();
    if (!page.query().after.empty()) {
        const auto cursor = read_cursor(page, 2);
        if (!cursor)
            return tl::unexpected(cursor.error());
        next = policies.upper_bound({(*cursor)[0], (*cursor)[1]});
    }
    const auto asked = of_asked_endpoint(state, page);
    for (; next != policies.end(); ++next) {
        const auto& [name, policy] = *next;
        const bool of_it = !asked || (*asked)[0].contains(name) || (*asked)[1].contains(name);
        if (of_it && page.wants(name.ns, name.name)) {
            json row = {{"kind", "NetworkPolicy"},
                        {"namespace", name.ns},
                        {"name", name.name},
                        {"directions", directions(policy)},
                        {"endpoints", selected_endpoints(state, policy)},
                        {"rules", policy.ingress.size() + policy.egress.size()},
                        {"refused", policy.stands_in}};
            row.update(fields_of(count(name)));
            page.add(std::move(row));
        }
        if (page.full() && std::next(next) != policies.end()) {
            page.go_on_after(json::array({name.ns, name.name}).dump());
            break;
        }
    }
    return {};
}

Result<> list_rules(const AgentState& state, report::Page& page,
                    const std::function<Counted(Direction, const resolve::Rule&)>& count) {
    state.index.update(state.resolved, state.commits);
    const auto& rules = state.index.rules();
    auto next = rules.begin();
    if (!page.query().after.empty()) {
        const auto cursor = read_cursor(page, 5);
        if (!cursor)
            return tl::unexpected(cursor.error());
        const RuleId after{(*cursor)[0].get<int>() == 0 ? Direction::egress : Direction::ingress,
                           {(*cursor)[1], (*cursor)[2]},
                           (*cursor)[3],
                           (*cursor)[4]};
        next = std::ranges::upper_bound(rules, after, {}, id_of);
    }
    const auto asked = of_asked_endpoint(state, page);
    while (next != rules.end()) {
        const RuleId id = id_of(*next);
        const auto end = std::find_if(next, rules.end(), [&](const ListedRule& rule) { return id_of(rule) != id; });
        const bool of_it = !asked || (*asked)[static_cast<size_t>(id.direction)].contains(id.policy);
        if (of_it && page.wants(id.policy.ns, id.policy.name)) {
            json row = rule_row(id, {next, end});
            const Counted counted = count(id.direction, *next->rule);
            row["allowedPackets"] = counted.packets;
            row["allowedBytes"] = counted.bytes;
            page.add(std::move(row));
        }
        next = end;
        if (page.full() && next != rules.end()) {
            page.go_on_after(
                json::array({static_cast<int>(id.direction), id.policy.ns, id.policy.name, id.index, id.hash}).dump());
            break;
        }
    }
    return {};
}

const char* label_of(uint32_t reason) {
    return kReasons.at(reason).label;
}

json drop_row(uint32_t reason, const Counted& dropped) {
    return {{"reason", kReasons.at(reason).label},
            {"sentence", kReasons.at(reason).sentence},
            {"packets", dropped.packets},
            {"bytes", dropped.bytes}};
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

Result<json> read_cursor(const report::Page& page, size_t fields) {
    json cursor = json::parse(page.query().after, nullptr, false);
    if (!cursor.is_array() || cursor.size() != fields)
        return fail("the cursor \"{}\" is none of {}", page.query().after, report::info_of(page.query().kind).name);
    return cursor;
}

}  // namespace catflap::agent
