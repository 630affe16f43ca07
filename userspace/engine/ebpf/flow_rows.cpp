// SPDX-License-Identifier: Apache-2.0
#include "engine/ebpf/flow_rows.h"

#include <catflap/flow.h>

#include <algorithm>

#include "engine/ebpf/opener_rule.h"
#include "engine/ebpf/rule_name.h"
#include "engine/protocol_name.h"
#include "kernel/datapath/flows.h"
#include "kernel/maps/address_table.h"

namespace catflap::engine {
namespace {

constexpr std::array<const char*, 3> kOpeners = {"pod", "remote", "host"};
constexpr std::array<const char*, 5> kStates = {"opening", "replied", "established", "closing", "closed"};

// "shop/web Ingress[0]"; "" where no policy had a part in it.
std::string name_of_rule(const compile::DecisionRegistry& decisions, uint32_t number) {
    const compile::DecisionKey* key = decisions.key(number);
    return key == nullptr ? "" : rule_name(*key);
}

report::FlowRow row_of(const compile::LoadedEndpoint& pod, uint8_t protocol) {
    report::FlowRow row;
    row.ns = pod.spec.pod->ns;
    row.pod = pod.spec.pod->name;
    row.interface = pod.spec.interface;
    row.protocol = protocol_name(protocol);
    return row;
}

bool is_in_conntrack(uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

}  // namespace

FlowRows::FlowRows(const EbpfEngine& engine, report::Page& page)
    : engine_(engine), now_ns_(kernel::flow_clock_ns()), tracked_(engine.datapath().tracked()) {
    for (const auto& [ifindex, endpoint] : engine.loaded().endpoints)
        if (const auto& pod = endpoint.spec.pod; pod && page.of_endpoint(pod->ns, pod->name, endpoint.spec.interface) &&
                                                 page.wants(pod->ns, pod->name, endpoint.spec.interface))
            by_slot_[endpoint.slot] = &endpoint;
}

bool FlowRows::is_live(const catflap_flow_key& key, const catflap_flow& flow,
                       const compile::LoadedEndpoint& pod) const {
    const auto protocol = catflap_protocol_of(key.slot_protocol);
    if (flow.opener >= kOpeners.size() || flow.state >= kStates.size())
        return false;
    // Left by programs of before, or of before the last NOTRACK.
    if (tracked_ && is_in_conntrack(protocol) && flow.opener != CATFLAP_OPENER_HOST)
        return false;
    return !catflap_flow_expired(&flow, protocol, now_ns_) && catflap_flow_of_this_pod(&flow, pod.first_generation);
}

std::optional<report::FlowRow> FlowRows::row(const catflap_flow_key& key, const catflap_flow& flow) const {
    const auto endpoint = by_slot_.find(catflap_slot_of(key.slot_protocol));
    if (endpoint == by_slot_.end() || !is_live(key, flow, *endpoint->second))
        return std::nullopt;
    const compile::LoadedEndpoint& pod = *endpoint->second;
    const auto protocol = catflap_protocol_of(key.slot_protocol);
    const int64_t age_s =
        static_cast<int64_t>((now_ns_ - std::min<uint64_t>(now_ns_, flow.last_seen_ns)) / CATFLAP_SECOND_NS);
    report::FlowRow row = row_of(pod, protocol);
    row.remote = to_string(kernel::model_address(key.remote));
    row.remote_port = key.remote_port;
    row.local_port = key.local_port;
    row.opener = kOpeners[flow.opener];
    row.state = kStates[flow.state];
    row.idle_s = age_s;
    row.expires_in_s = catflap_flow_timeout_s(flow.state, protocol) - age_s;
    row.generation = flow.generation;
    row.stale = !catflap_flow_current(&flow, pod.generation, engine_.keeps_established());
    row.rule = name_of_rule(engine_.loaded().decisions, flow.rule);
    return row;
}

bool FlowRows::has_flow(const kernel::ConnectionEnd& end, uint8_t protocol) const {
    const catflap_flow_key key = end.key(protocol);
    const auto flow = kernel::find_flow(engine_.datapath().map_fd("flows"), key);
    return flow && is_live(key, *flow, *end.endpoint);
}

std::vector<report::FlowRow> FlowRows::rows(const kernel::Connection& connection, const kernel::LocalEnds& ends) const {
    std::vector<report::FlowRow> result;
    // Of the others the map has what there is.
    if (!is_in_conntrack(connection.protocol))
        return result;
    for (const kernel::ConnectionEnd& end : ends.of(connection)) {
        if (!by_slot_.contains(end.endpoint->slot))
            continue;
        if (end.opener == CATFLAP_OPENER_HOST && has_flow(end, connection.protocol))
            continue;
        const auto cell = cell_of_opener(engine_, end, connection.protocol);
        // nf_conntrack follows also what is dropped behind it.
        if (cell && !(*cell & CATFLAP_CELL_ALLOW))
            continue;
        report::FlowRow row = row_of(*end.endpoint, connection.protocol);
        row.remote = to_string(end.remote);
        row.remote_port = end.remote_port;
        row.local_port = end.local_port;
        row.opener = kOpeners[end.opener];
        row.state = kStates[connection.state];
        row.expires_in_s = connection.expires_in_s;
        row.generation = end.endpoint->generation;
        row.rule = cell ? name_of_rule(engine_.loaded().decisions, *cell & CATFLAP_CELL_RULE) : "";
        result.push_back(std::move(row));
    }
    return result;
}

}  // namespace catflap::engine
