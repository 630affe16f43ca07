// SPDX-License-Identifier: Apache-2.0
// AdminNetworkPolicy, BaselineAdminNetworkPolicy (policy.networking.k8s.io/v1alpha1), ClusterNetworkPolicy (v1alpha2).
// https://network-policy-api.sigs.k8s.io/reference/spec/
#include <fmt/format.h>

#include <array>

#include "source/decode/cluster_dialect.h"
#include "source/decode/decode_object.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

constexpr size_t kLongestRuleName = 100;
constexpr int64_t kLastPriority = 1000;

std::optional<RuleAction> decode_action(const Field& field, const Dialect& dialect) {
    if (!field.exists()) {
        field.refuse(fmt::format("is missing; write {}", dialect.actions_in_words()));
        return {};
    }
    const std::optional<std::string> text = field.string();
    if (!text)
        return {};
    if (*text == dialect.accept)
        return RuleAction::accept;
    if (*text == "Deny")
        return RuleAction::deny;
    if (*text == "Pass" && dialect.passes)
        return RuleAction::pass;
    field.refuse(fmt::format("\"{}\" is not an action of {}; use {}", *text, to_string(dialect.kind),
                             dialect.actions_in_words()));
    return {};
}

bool is_by_address(const ClusterPeer& peer) {
    return !std::holds_alternative<PodSelection>(peer);
}

bool is_by_name(const ClusterPort& port) {
    return std::holds_alternative<PortByName>(port);
}

ClusterRule decode_rule(const Field& item, const Dialect& dialect, bool egress) {
    ClusterRule rule;
    const std::string_view peers_name = egress ? "to" : "from";
    if (!item.exists())
        item.refuse(fmt::format("is empty; write action and {}", peers_name));
    if (!item.has_only({"name", "action", peers_name, dialect.ports}))
        return rule;
    rule.name = item.member("name").string().value_or("");
    if (rule.name.size() > kLongestRuleName)
        item.member("name").refuse(
            fmt::format("has {} characters, and may have {}", rule.name.size(), kLongestRuleName));
    rule.action = decode_action(item.member("action"), dialect).value_or(RuleAction::deny);
    const Field peers = item.member(peers_name);
    if (peers.items().empty())
        peers.refuse("is missing or empty; write at least one peer (namespaces: {} is every pod)");
    check_count(peers, dialect.most);
    for (const Field& peer : peers.items())
        decode_cluster_peer(peer, dialect, egress, rule);
    const Field ports = item.member(dialect.ports);
    check_count(ports, dialect.most);
    for (const Field& port : ports.items())
        decode_cluster_port(port, dialect, rule);
    if (std::ranges::any_of(rule.ports, is_by_name) && std::ranges::any_of(rule.peers, is_by_address))
        ports.refuse("names a port beside networks, nodes or domainNames, which declare none; write two rules");
    if (rule.unknown) {
        rule.peers.clear();
        rule.ports.clear();
    }
    return rule;
}

std::vector<ClusterRule> decode_rules(const Field& field, const Dialect& dialect, bool egress) {
    std::vector<ClusterRule> rules;
    check_count(field, dialect.most);
    for (const Field& item : field.items())
        rules.push_back(decode_rule(item, dialect, egress));
    return rules;
}

PodSelection decode_subject(const Field& field) {
    if (!field.exists()) {
        field.refuse("is missing; write namespaces: {} to select every pod");
        return {};
    }
    if (!field.has_only({"namespaces", "pods"}))
        return {};
    const Field namespaces = field.member("namespaces");
    const Field pods = field.member("pods");
    if (namespaces.exists() == pods.exists()) {
        field.refuse("needs exactly one of namespaces and pods");
        return {};
    }
    return namespaces.exists() ? PodSelection{decode_selector(namespaces), {}} : decode_pod_selection(pods);
}

std::optional<uint32_t> decode_priority(const Field& field) {
    if (!field.exists()) {
        field.refuse(fmt::format("is missing; write 0 (first) to {} (last)", kLastPriority));
        return {};
    }
    const std::optional<int64_t> number = field.integer();
    if (!number)
        return {};
    if (*number < 0 || *number > kLastPriority) {
        field.refuse(fmt::format("{} is not a priority (0, which comes first, to {})", *number, kLastPriority));
        return {};
    }
    return static_cast<uint32_t>(*number);
}

ClusterTier decode_tier(const Field& field) {
    const std::optional<std::string> text = field.exists() ? field.string() : std::nullopt;
    if (text == "Baseline")
        return ClusterTier::baseline;
    if (text != "Admin")
        field.refuse(text ? fmt::format("\"{}\" is not a tier; use Admin or Baseline", *text)
                          : "is missing; write Admin or Baseline");
    return ClusterTier::admin;
}

void check_spec_fields(const Field& spec, PolicyKind kind) {
    if (!spec.exists())
        spec.refuse("is missing; write at least a subject");
    else if (kind == PolicyKind::cluster_network_policy)
        spec.has_only({"tier", "priority", "subject", "ingress", "egress"});
    else if (kind == PolicyKind::admin_network_policy)
        spec.has_only({"priority", "subject", "ingress", "egress"});
    else
        spec.has_only({"subject", "ingress", "egress"});
}

}  // namespace

ClusterPolicy decode_cluster_policy(const Field& object, const PolicyName& name) {
    const Dialect& dialect = dialect_of(name.kind);
    ClusterPolicy policy;
    policy.name = name;
    const Field metadata = object.member("metadata");
    policy.created = metadata.member("creationTimestamp").string().value_or("");
    const Field spec = object.member("spec");
    check_spec_fields(spec, name.kind);
    if (name.kind == PolicyKind::cluster_network_policy)
        policy.tier = decode_tier(spec.member("tier"));
    if (name.kind == PolicyKind::baseline_admin_network_policy) {
        policy.tier = ClusterTier::baseline;
        if (name.name != "default")
            metadata.member("name").refuse(
                fmt::format("\"{}\": there is one BaselineAdminNetworkPolicy, and it is called default", name.name));
    } else {
        policy.priority = decode_priority(spec.member("priority"));
    }
    policy.subject = decode_subject(spec.member("subject"));
    policy.ingress = decode_rules(spec.member("ingress"), dialect, false);
    policy.egress = decode_rules(spec.member("egress"), dialect, true);
    return policy;
}

}  // namespace catflap::source
