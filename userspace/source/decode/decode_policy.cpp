// SPDX-License-Identifier: Apache-2.0
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
#include <fmt/format.h>

#include <algorithm>

#include "source/decode/decode_object.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

IpBlock decode_ip_block(const Field& field) {
    IpBlock block;
    if (!field.has_only({"cidr", "except"}))
        return block;
    const Field cidr = field.member("cidr");
    if (!cidr.exists())
        cidr.refuse("is missing; write a CIDR such as 10.0.0.0/8");
    const std::optional<Prefix> outer = decode_prefix(cidr);
    for (const Field& item : field.member("except").items()) {
        if (!item.exists())
            item.refuse("is empty; write a CIDR inside ipBlock.cidr");
        const std::optional<Prefix> inner = decode_prefix(item);
        if (!inner || !outer)
            continue;
        if (*inner == *outer || !outer->contains(*inner))
            item.refuse(fmt::format("{} must lie inside {} and be smaller", to_string(*inner), to_string(*outer)));
        block.except.push_back(*inner);
    }
    block.cidr = outer.value_or(Prefix{});
    sort_unique(block.except);
    return block;
}

PolicyPeer decode_peer(const Field& field) {
    PolicyPeer peer;
    // {} would be nobody to a reader and everybody to a careless one.
    const bool known = !field.exists() || field.has_only({"podSelector", "namespaceSelector", "ipBlock"});
    const Field pods = field.member("podSelector");
    const Field namespaces = field.member("namespaceSelector");
    const Field block = field.member("ipBlock");
    if (pods.exists())
        peer.pods = decode_selector(pods);
    if (namespaces.exists())
        peer.namespaces = decode_selector(namespaces);
    if (block.exists())
        peer.ip_block = decode_ip_block(block);
    if (known && !pods.exists() && !namespaces.exists() && !block.exists())
        field.refuse("names no peer; give podSelector, namespaceSelector or ipBlock ({} selects all)");
    if (block.exists() && (pods.exists() || namespaces.exists()))
        field.refuse("has ipBlock beside a selector; write two peers");
    return peer;
}

// IntOrString: a number is a port, a string is the name of one.
void decode_port_value(const Field& field, PolicyPort& port) {
    if (field.is_number()) {
        if (const std::optional<uint16_t> number = decode_port_number(field))
            port.port = *number;
    } else if (std::optional<std::string> name = field.string()) {
        const bool digits = !name->empty() && std::ranges::all_of(*name, [](char c) { return c >= '0' && c <= '9'; });
        if (digits)
            field.refuse(fmt::format("\"{}\" in quotes is a port's name; write {} without quotes", *name, *name));
        else if (check_name(field, *name, check_port_name(*name)))
            port.port = std::move(*name);
    }
}

PolicyPort decode_port(const Field& field) {
    PolicyPort port;
    if (!field.exists())
        field.refuse("is empty; write {} for every TCP port");
    if (!field.has_only({"protocol", "port", "endPort"}))
        return port;
    port.protocol = decode_protocol(field.member("protocol")).value_or(Protocol::tcp);
    decode_port_value(field.member("port"), port);
    const Field end = field.member("endPort");
    if (!end.exists())
        return port;
    port.end_port = decode_port_number(end);
    if (!field.member("port").is_number()) {
        end.refuse("needs port to be a number: the range is port to endPort");
        return port;
    }
    const uint16_t* first = std::get_if<uint16_t>(&port.port);
    if (first != nullptr && port.end_port && *port.end_port < *first)
        end.refuse(fmt::format("{} is below port {}; it must be equal or above", *port.end_port, *first));
    return port;
}

// `peers` is "from" or "to".
std::vector<PolicyRule> decode_rules(const Field& field, std::string_view peers) {
    std::vector<PolicyRule> rules;
    for (const Field& item : field.items()) {
        PolicyRule rule;
        if (!item.exists())
            item.refuse("is empty; write {} to allow everything, or remove it");
        item.has_only({peers, "ports"});
        const Range<Field> peer_items = item.member(peers).items();
        rule.peers.reserve(peer_items.size());
        for (const Field& peer : peer_items)
            rule.peers.push_back(decode_peer(peer));
        for (const Field& port : item.member("ports").items())
            rule.ports.push_back(decode_port(port));
        rules.push_back(std::move(rule));
    }
    return rules;
}

void decode_policy_types(const Field& field, Policy& policy) {
    const Range<Field> items = field.items();
    for (const Field& item : items) {
        const std::string text = item.string().value_or("");
        if (text == "Ingress")
            policy.isolates_ingress = true;
        else if (text == "Egress")
            policy.isolates_egress = true;
        else
            item.refuse(fmt::format("\"{}\" is not a policy type; use Ingress or Egress", text));
    }
    if (!items.empty())
        return;
    policy.isolates_ingress = true;
    policy.isolates_egress = !policy.egress.empty();
}

// Rules of a direction that policyTypes does not name have no effect: dropped here, so that nobody
// can take them for real.
void drop_idle_rules(const Field& field, bool isolates, std::vector<PolicyRule>& rules) {
    if (isolates || rules.empty())
        return;
    field.warn("has no effect, because spec.policyTypes does not name this direction");
    rules.clear();
}

}  // namespace

std::optional<Protocol> decode_protocol(const Field& field) {
    if (!field.exists())
        return Protocol::tcp;
    const std::optional<std::string> text = field.string();
    if (!text)
        return {};
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::sctp})
        if (*text == to_string(protocol))
            return protocol;
    field.refuse(fmt::format("\"{}\" is not a protocol; use TCP, UDP or SCTP", *text));
    return {};
}

std::optional<uint16_t> decode_port_number(const Field& field) {
    const std::optional<int64_t> number = field.integer();
    if (!number)
        return {};
    if (*number < 1 || *number > 65535) {
        field.refuse(fmt::format("{} is not a port (1 to 65535)", *number));
        return {};
    }
    return static_cast<uint16_t>(*number);
}

namespace {

// Where it cannot be told which directions were meant: both.
void isolate_as_meant(const Field& spec, Policy& policy) {
    Report report(spec.report().file, spec.line());
    const Field here = spec.reported_to(report);
    // An unknown field may be policyTypes, misspelt.
    const bool clear = here.has_only({"podSelector", "policyTypes", "ingress", "egress"});
    const Field egress = here.member("egress");
    if (!egress.items().empty())
        policy.egress.emplace_back();
    decode_policy_types(here.member("policyTypes"), policy);
    policy.egress.clear();
    if (clear && report.refusals.empty())
        return;
    policy.isolates_ingress = true;
    policy.isolates_egress = true;
}

}  // namespace

Policy decode_stand_in(const Field& object, const ObjectName& name) {
    Policy policy;
    policy.name = name;
    policy.stands_in = true;
    Report report(object.report().file, object.line());
    const Field spec = object.member("spec").reported_to(report);
    isolate_as_meant(spec, policy);
    // A key that comes twice: which podSelector was meant?
    Report of_keys(report.file, report.line);
    if (spec.reported_to(of_keys).is_mapping())
        policy.pods = decode_readable_selector(spec.member("podSelector"));
    return policy;
}

Policy decode_policy(const Field& object, const ObjectName& name) {
    Policy policy;
    policy.name = name;
    policy.created = object.member("metadata").member("creationTimestamp").string().value_or("");
    const Field spec = object.member("spec");
    if (!spec.exists())
        spec.refuse("is missing; write at least podSelector: {}");
    // An unknown field may be a misspelt one, and a policy without that part may let everyone in.
    spec.has_only({"podSelector", "policyTypes", "ingress", "egress"});
    policy.pods = decode_selector(spec.member("podSelector"));
    policy.ingress = decode_rules(spec.member("ingress"), "from");
    policy.egress = decode_rules(spec.member("egress"), "to");
    decode_policy_types(spec.member("policyTypes"), policy);
    drop_idle_rules(spec.member("ingress"), policy.isolates_ingress, policy.ingress);
    drop_idle_rules(spec.member("egress"), policy.isolates_egress, policy.egress);
    return policy;
}

}  // namespace catflap::source
