// SPDX-License-Identifier: Apache-2.0
// Live flows, a page at a time: the cursor is a place in the kernel's hash map, and how many flows there were listed.
#include <catflap/flow.h>

#include <algorithm>
#include <unordered_map>

#include "engine/ebpf/lists.h"
#include "kernel/datapath/census.h"
#include "kernel/datapath/flows.h"

namespace catflap::engine {
namespace {

constexpr std::array<const char*, 3> kOpeners = {"pod", "remote", "host"};
constexpr std::array<const char*, 5> kStates = {"opening", "replied", "established", "closing", "closed"};

std::string protocol_name(uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "TCP";
        case IPPROTO_UDP:
            return "UDP";
        case IPPROTO_SCTP:
            return "SCTP";
        case IPPROTO_ICMP:
            return "ICMP";
        case IPPROTO_ICMPV6:
            return "ICMPv6";
        default:
            return std::to_string(protocol);
    }
}

// "shop/web Ingress[0]"; "" where no policy had a part in it.
std::string rule_name(const compile::DecisionRegistry& decisions, uint32_t number) {
    const compile::DecisionKey* key = decisions.key(number);
    if (key == nullptr || key->policies.empty())
        return "";
    return fmt::format("{} {}[{}]", to_string(key->policies.front()), to_string(key->direction), key->rule_index);
}

class FlowRows {
  public:
    FlowRows(const EbpfEngine& engine, report::Page& page) : engine_(engine) {
        for (const auto& [ifindex, endpoint] : engine.loaded().endpoints)
            if (const auto& pod = endpoint.spec.pod; pod &&
                                                     page.of_endpoint(pod->ns, pod->name, endpoint.spec.interface) &&
                                                     page.wants(pod->ns, pod->name, endpoint.spec.interface))
                by_slot_[endpoint.slot] = &endpoint;
    }

    // Nothing: not asked for, or what the datapath would not take for a flow either.
    [[nodiscard]] std::optional<report::FlowRow> row(const catflap_flow_key& key, const catflap_flow& flow) const {
        const auto endpoint = by_slot_.find(catflap_slot_of(key.slot_protocol));
        if (endpoint == by_slot_.end() || flow.opener >= kOpeners.size() || flow.state >= kStates.size())
            return std::nullopt;
        const compile::LoadedEndpoint& pod = *endpoint->second;
        const auto protocol = catflap_protocol_of(key.slot_protocol);
        const int64_t age_s =
            static_cast<int64_t>((now_ns_ - std::min<uint64_t>(now_ns_, flow.last_seen_ns)) / CATFLAP_SECOND_NS);
        if (catflap_flow_expired(&flow, protocol, now_ns_) || !catflap_flow_of_this_pod(&flow, pod.first_generation))
            return std::nullopt;
        report::FlowRow row;
        row.ns = pod.spec.pod->ns;
        row.pod = pod.spec.pod->name;
        row.interface = pod.spec.interface;
        row.remote = to_string(kernel::model_address(key.remote));
        row.remote_port = key.remote_port;
        row.local_port = key.local_port;
        row.protocol = protocol_name(protocol);
        row.opener = kOpeners[flow.opener];
        row.state = kStates[flow.state];
        row.idle_s = age_s;
        row.expires_in_s = catflap_flow_timeout_s(flow.state, protocol) - age_s;
        row.generation = flow.generation;
        row.stale = !catflap_flow_current(&flow, pod.generation, engine_.keeps_established());
        row.rule = rule_name(engine_.loaded().decisions, flow.rule);
        return row;
    }

  private:
    const EbpfEngine& engine_;
    uint64_t now_ns_ = kernel::flow_clock_ns();
    std::unordered_map<uint32_t, const compile::LoadedEndpoint*> by_slot_;
};

// So many flows are read at once: few enough that the clock is looked at often.
constexpr uint32_t kFlowsAtOnce = 256;

}  // namespace

Result<> list_flows(const EbpfEngine& engine, report::Page& page) {
    const auto cursor = page.cursor("nn");
    if (!cursor)
        return tl::unexpected(cursor.error());
    const uint32_t place = *cursor ? static_cast<uint32_t>((*cursor)->number(0)) : 0;
    // Flows of the step at `place` that an earlier page has listed.
    size_t skip = *cursor ? (*cursor)->number(1) : 0;
    const FlowRows rows(engine, page);
    kernel::FlowWalk walk(engine.datapath().map_fd("flows"), place);
    do {
        if (auto done = walk.step(kFlowsAtOnce); !done)
            return done;
        for (size_t i = std::exchange(skip, 0); i < walk.keys().size(); ++i) {
            if (page.room() == 0) {
                page.continue_at({uint64_t{walk.place()}, uint64_t{i}});
                return {};
            }
            if (auto row = rows.row(walk.keys()[i], walk.flows()[i]))
                page.add(*row);
        }
        if (page.full() && !walk.over()) {
            page.continue_at({uint64_t{walk.next_place()}, uint64_t{0}});
            return {};
        }
    } while (!walk.over());
    return {};
}

}  // namespace catflap::engine
