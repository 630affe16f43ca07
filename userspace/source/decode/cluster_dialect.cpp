// SPDX-License-Identifier: Apache-2.0
#include "source/decode/cluster_dialect.h"

#include <fmt/format.h>

#include <array>

#include "source/decode/decode_object.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

constexpr size_t kMostNetworks = 25;
constexpr size_t kMostDomainNames = 25;

constexpr Dialect kClusterNetworkPolicy{PolicyKind::cluster_network_policy, "Accept", true, true, "protocols", 25};
constexpr Dialect kAdminNetworkPolicy{PolicyKind::admin_network_policy, "Allow", true, true, "ports", 100};
constexpr Dialect kBaseline{PolicyKind::baseline_admin_network_policy, "Allow", false, false, "ports", 100};

NetworkList decode_networks(const Field& field) {
    NetworkList list;
    if (field.items().empty())
        field.refuse("is empty; write a CIDR such as 10.0.0.0/8");
    for (const Field& item : field.items()) {
        if (!item.exists())
            item.refuse("is empty; write a CIDR such as 10.0.0.0/8");
        else if (const std::optional<Prefix> prefix = decode_prefix(item))
            list.networks.push_back(*prefix);
    }
    sort_unique(list.networks);
    return list;
}

DomainNames decode_domain_names(const Field& field) {
    DomainNames list;
    if (field.items().empty())
        field.refuse("is empty; write a name such as example.com");
    for (const Field& item : field.items())
        if (const std::optional<std::string> name = item.string())
            list.names.push_back(*name);
    sort_unique(list.names);
    return list;
}

// "exactly one of the fields that we know, and no other". here: reports elsewhere.
std::optional<ClusterPeer> decode_peer(const Field& here, const Dialect& dialect, bool egress) {
    std::vector<std::string_view> known = {"namespaces", "pods"};
    if (egress)
        known.insert(known.end(), {"nodes", "networks"});
    if (egress && dialect.domain_names)
        known.emplace_back("domainNames");
    if (!here.has_only(known))
        return {};
    std::string_view only;
    for (const std::string_view name : known) {
        if (!here.member(name).exists())
            continue;
        if (!only.empty())
            here.refuse(fmt::format("has both {} and {}", only, name));
        only = name;
    }
    if (only.empty()) {
        here.refuse("is of no kind that is known here");
        return {};
    }
    const Field field = here.member(only);
    if (only == "namespaces")
        return PodSelection{decode_selector(field), {}};
    if (only == "pods")
        return decode_pod_selection(field);
    if (only == "nodes")
        return NodeSelection{decode_selector(field)};
    if (only == "networks")
        return decode_networks(field);
    return decode_domain_names(field);
}

// The first thing that was refused in the trial is why the rule fails closed; warnings are warnings.
void take_trial(const Report& trial, const Field& field, ClusterRule& rule) {
    std::ranges::copy(trial.warnings, std::back_inserter(field.report().warnings));
    if (trial.refusals.empty())
        return;
    const Diagnostic& first = trial.refusals.front();
    const bool inside = first.field.size() > field.path().size() && first.field.starts_with(field.path());
    fail_closed(
        field, rule,
        inside ? fmt::format("{} {}", first.field.substr(field.path().size() + 1), first.message) : first.message);
}

Report trial_of(const Field& field) {
    Report trial(field.report().file, field.line());
    trial.object = field.report().object;
    return trial;
}

// v1alpha1: {portNumber: {protocol, port}}, {portRange: {protocol, start, end}}, {namedPort}.
// v1alpha2: {tcp: {destinationPort: {number}}}, {tcp: {destinationPort: {range: {start, end}}}},
// {destinationNamedPort}.
class PortReader {
  public:
    PortReader(const Field& field, ClusterRule& rule) : field_(field), rule_(rule) {}

    void read_v1alpha1() {
        const std::string_view only = only_of(field_, {"portNumber", "portRange", "namedPort"});
        const Field value = field_.member(only);
        if (only == "namedPort")
            read_name(value);
        else if (only == "portNumber" && knows(value, {"protocol", "port"}))
            add(protocol_of(value), value.member("port"), value.member("port"), false);
        else if (only == "portRange" && knows(value, {"protocol", "start", "end"}))
            add(protocol_of(value), value.member("start"), value.member("end"), true);
    }

    void read_v1alpha2() {
        const std::string_view only = only_of(field_, {"tcp", "udp", "sctp", "destinationNamedPort"});
        const Field value = field_.member(only);
        if (only.empty())
            return;
        if (only == "destinationNamedPort")
            return read_name(value);
        if (!knows(value, {"destinationPort"}))
            return;
        const Field port = value.member("destinationPort");
        if (!port.exists())
            return value.refuse(
                "has no destinationPort; every port is {destinationPort: {range: {start: 1, end: "
                "65535}}}");
        const std::string_view form = only_of(port, {"number", "range"});
        const Protocol protocol = only == "tcp" ? Protocol::tcp : only == "udp" ? Protocol::udp : Protocol::sctp;
        const Field written = port.member(form);
        if (form == "number")
            add(protocol, written, written, false);
        else if (form == "range" && knows(written, {"start", "end"}))
            add(protocol, written.member("start"), written.member("end"), true);
    }

  private:
    bool knows(const Field& field, std::initializer_list<std::string_view> known) {
        Report trial = trial_of(field);
        field.reported_to(trial).has_only(known);
        take_trial(trial, field, rule_);
        return trial.refusals.empty();
    }

    // "": the field is of no kind that is known.
    std::string_view only_of(const Field& field, std::initializer_list<std::string_view> known) {
        if (!knows(field, known))
            return {};
        std::string_view only;
        for (const std::string_view name : known) {
            if (!field.member(name).exists())
                continue;
            if (!only.empty()) {
                fail_closed(field, rule_, fmt::format("has both {} and {}", only, name));
                return {};
            }
            only = name;
        }
        if (only.empty())
            fail_closed(field, rule_, "is of no kind that is known here");
        return only;
    }

    std::optional<Protocol> protocol_of(const Field& field) {
        const Field protocol = field.member("protocol");
        Report trial = trial_of(protocol);
        const auto value = decode_protocol(protocol.reported_to(trial));
        take_trial(trial, protocol, rule_);
        return value;
    }

    void read_name(const Field& field) {
        if (const std::optional<std::string> name = field.string())
            if (check_name(field, *name, check_port_name(*name)))
                rule_.ports.emplace_back(PortByName{*name});
    }

    static std::optional<uint16_t> number_of(const Field& field) {
        if (!field.exists())
            field.refuse("is missing; write a port (1 to 65535)");
        return field.exists() ? decode_port_number(field) : std::nullopt;
    }

    void add(std::optional<Protocol> protocol, const Field& first, const Field& last, bool is_range) {
        const std::optional<uint16_t> from = number_of(first);
        const std::optional<uint16_t> to = is_range ? number_of(last) : from;
        if (is_range && from && to && *from >= *to)
            last.refuse(fmt::format("{} must be above start, which is {}", *to, *from));
        if (protocol && from && to)
            rule_.ports.emplace_back(PortInterval{*protocol, *from, *to});
    }

    Field field_;
    ClusterRule& rule_;
};

}  // namespace

const Dialect& dialect_of(PolicyKind kind) {
    return kind == PolicyKind::cluster_network_policy ? kClusterNetworkPolicy
           : kind == PolicyKind::admin_network_policy ? kAdminNetworkPolicy
                                                      : kBaseline;
}

void fail_closed(const Field& field, ClusterRule& rule, std::string_view why) {
    rule.unknown = true;
    field.warn(fmt::format(
        "{}; the rule fails closed: {}", why,
        rule.action == RuleAction::accept ? "it accepts nothing" : "it denies everything in its direction"));
}

void check_count(const Field& list, size_t most) {
    if (list.exists() && list.items().size() > most)
        list.refuse(fmt::format("has {} elements, and may have {}", list.items().size(), most));
}

PodSelection decode_pod_selection(const Field& field) {
    PodSelection selection;
    if (!field.has_only({"namespaceSelector", "podSelector"}))
        return selection;
    for (const char* part : {"namespaceSelector", "podSelector"})
        if (!field.member(part).exists())
            field.member(part).refuse("is missing; {} selects all");
    selection.namespaces = decode_selector(field.member("namespaceSelector"));
    selection.pods = decode_selector(field.member("podSelector"));
    return selection;
}

void decode_cluster_peer(const Field& field, const Dialect& dialect, bool egress, ClusterRule& rule) {
    Report trial = trial_of(field);
    const auto peer = decode_peer(field.reported_to(trial), dialect, egress);
    take_trial(trial, field, rule);
    if (!peer || !trial.refusals.empty())
        return;
    check_count(field.member("networks"), kMostNetworks);
    check_count(field.member("domainNames"), kMostDomainNames);
    if (std::holds_alternative<DomainNames>(*peer)) {
        const Field names = field.member("domainNames");
        if (rule.action != RuleAction::accept)
            return fail_closed(names, rule, "only an Accept can name domains");
        names.warn("matches nothing: catflap does not know the addresses of domain names");
    }
    rule.peers.push_back(*peer);
}

void decode_cluster_port(const Field& field, const Dialect& dialect, ClusterRule& rule) {
    PortReader reader(field, rule);
    if (dialect.kind == PolicyKind::cluster_network_policy)
        reader.read_v1alpha2();
    else
        reader.read_v1alpha1();
}

}  // namespace catflap::source
