// SPDX-License-Identifier: Apache-2.0
#include "report/rows.h"

#include <nlohmann/json.hpp>

namespace catflap::report {
namespace {

using nlohmann::json;

const char* to_string(EndpointState state) {
    switch (state) {
        case EndpointState::enforced:
            return "enforced";
        case EndpointState::unknown:
            return "unknown";
        case EndpointState::no_address:
            return "noAddress";
        case EndpointState::not_attached:
            break;
    }
    return "notAttached";
}

json fields_of(const AllowedAndDropped& counted) {
    return {{"allowedPackets", counted.allowed.packets},
            {"allowedBytes", counted.allowed.bytes},
            {"droppedPackets", counted.dropped.packets},
            {"droppedBytes", counted.dropped.bytes}};
}

json row_of(const EndpointRow& row) {
    AllowedAndDropped sum = row.from_pod;
    sum.allowed.add(row.to_pod.allowed);
    sum.dropped.add(row.to_pod.dropped);
    json result = {{"interface", row.interface},
                   {"ifindex", row.ifindex},
                   {"namespace", row.ns},
                   {"pod", row.pod},
                   {"uid", row.uid},
                   {"state", to_string(row.state)},
                   {"addresses", row.addresses},
                   {"fromPod", fields_of(row.from_pod)},
                   {"toPod", fields_of(row.to_pod)},
                   {"slot", row.slot},
                   {"generation", row.generation},
                   {"attachedBy", row.attached_by},
                   {"fastPath", row.fast_path},
                   {"ingressPolicies", row.ingress_policies},
                   {"egressPolicies", row.egress_policies}};
    result.update(fields_of(sum));
    return result;
}

json row_of(const PolicyRow& row) {
    json directions = json::array();
    if (row.isolates_ingress)
        directions.push_back("Ingress");
    if (row.isolates_egress)
        directions.push_back("Egress");
    json result = {{"kind", row.kind},   {"namespace", row.ns},      {"name", row.name},
                   {"tier", row.tier},   {"directions", directions}, {"endpoints", row.endpoints},
                   {"rules", row.rules}, {"refused", row.stands_in}};
    if (row.priority)
        result["priority"] = *row.priority;
    if (row.rank)
        result["rank"] = *row.rank;
    result.update(fields_of(row.counted.sum()));
    return result;
}

json row_of(const RuleRow& row) {
    json result = {{"policyKind", row.policy_kind},
                   {"policyNamespace", row.policy_ns},
                   {"policy", row.policy},
                   {"direction", row.direction},
                   {"index", row.index},
                   {"action", row.action},
                   {"peers", row.peers},
                   {"ports", row.ports},
                   {"endpoints", row.endpoints}};
    result.update(fields_of(row.counted));
    return result;
}

json row_of(const SetRow& row) {
    json result = {{"name", row.name},
                   {"kind", row.kind},
                   {"classes", row.classes},
                   {"addresses", row.addresses},
                   {"members", row.members}};
    if (row.continued)
        result["continued"] = true;
    return result;
}

json row_of(const FlowRow& row) {
    json result = {{"namespace", row.ns},
                   {"pod", row.pod},
                   {"interface", row.interface},
                   {"remote", row.remote},
                   {"remotePort", row.remote_port},
                   {"localPort", row.local_port},
                   {"protocol", row.protocol},
                   {"opener", row.opener},
                   {"state", row.state},
                   {"expiresInSeconds", row.expires_in_s},
                   {"generation", row.generation},
                   {"stale", row.stale},
                   {"rule", row.rule}};
    if (row.idle_s)
        result["idleSeconds"] = *row.idle_s;
    return result;
}

json row_of(const DropRow& row) {
    return {{"reason", row.reason},
            {"sentence", row.sentence},
            {"packets", row.dropped.packets},
            {"bytes", row.dropped.bytes}};
}

json row_of(const MapRow& row) {
    return {{"name", row.name},
            {"type", row.type},
            {"keyBytes", row.key_bytes},
            {"valueBytes", row.value_bytes},
            {"entries", row.entries},
            {"estimated", row.estimated},
            {"fixed", row.fixed},
            {"maxEntries", row.max_entries},
            {"memoryBytes", row.memory_bytes},
            {"fillPercent", row.fill_percent},
            {"note", row.note},
            {"pinned", row.pinned}};
}

}  // namespace

json to_json(const Row& row) {
    return std::visit([](const auto& one) { return row_of(one); }, row);
}

}  // namespace catflap::report
