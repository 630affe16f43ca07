// SPDX-License-Identifier: Apache-2.0
// Live flows, a page at a time: the cursor is a place in the kernel's hash map, and how many flows there were listed.
#include <catflap/flow.h>
#include <catflap/timeouts.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "agent/report_ebpf.h"
#include "agent/report_list.h"
#include "kernel/datapath/census.h"
#include "kernel/datapath/flows.h"

namespace catflap::agent {
namespace {

using nlohmann::json;

constexpr int64_t kSecondNs = 1'000'000'000;
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
    FlowRows(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page)
        : dataplane_(dataplane), keeps_(keeps_established(state.options)) {
        for (const auto& [ifindex, endpoint] : dataplane.loaded().endpoints)
            if (const auto& pod = endpoint.spec.pod; pod &&
                                                     page.of_endpoint(pod->ns, pod->name, endpoint.spec.interface) &&
                                                     page.wants(pod->ns, pod->name, endpoint.spec.interface))
                by_slot_[endpoint.slot] = &endpoint;
    }

    // Nothing: not asked for, or what the datapath would not take for a flow either.
    [[nodiscard]] std::optional<json> row(const catflap_flow_key& key, const catflap_flow& flow) const {
        const auto endpoint = by_slot_.find(key.slot_protocol >> 8);
        if (endpoint == by_slot_.end() || flow.opener >= kOpeners.size() || flow.state >= kStates.size())
            return std::nullopt;
        const compile::LoadedEndpoint& pod = *endpoint->second;
        const auto protocol = static_cast<uint8_t>(key.slot_protocol);
        const int64_t age_s =
            static_cast<int64_t>(now_ns_ - std::min<uint64_t>(now_ns_, flow.last_seen_ns)) / kSecondNs;
        const int64_t left_s = catflap_flow_timeout_s(flow.state, protocol) - age_s;
        if (left_s < 0 || !catflap_flow_of_this_pod(&flow, pod.first_generation))
            return std::nullopt;
        return json{{"namespace", pod.spec.pod->ns},
                    {"pod", pod.spec.pod->name},
                    {"interface", pod.spec.interface},
                    {"remote", to_string(kernel::model_address(key.remote))},
                    {"remotePort", key.remote_port},
                    {"localPort", key.local_port},
                    {"protocol", protocol_name(protocol)},
                    {"opener", kOpeners[flow.opener]},
                    {"state", kStates[flow.state]},
                    {"idleSeconds", age_s},
                    {"expiresInSeconds", left_s},
                    {"generation", flow.generation},
                    {"stale", !catflap_flow_current(&flow, pod.generation, keeps_)},
                    {"rule", rule_name(dataplane_.loaded().decisions, flow.rule)}};
    }

  private:
    const EbpfDataplane& dataplane_;
    bool keeps_;
    uint64_t now_ns_ = kernel::flow_clock_ns();
    std::unordered_map<uint32_t, const compile::LoadedEndpoint*> by_slot_;
};

// So many flows are read at once: few enough that the clock is looked at often.
constexpr uint32_t kFlowsAtOnce = 256;

}  // namespace

Result<> list_flows(const AgentState& state, const EbpfDataplane& dataplane, report::Page& page) {
    uint32_t place = 0;
    size_t skip = 0;  // flows of the step at `place` that an earlier page has listed
    if (!page.query().after.empty()) {
        const auto cursor = read_cursor(page, 2);
        if (!cursor)
            return tl::unexpected(cursor.error());
        place = (*cursor)[0];
        skip = (*cursor)[1];
    }
    const FlowRows rows(state, dataplane, page);
    kernel::FlowWalk walk(dataplane.datapath().map_fd("flows"), place);
    do {
        if (auto done = walk.step(kFlowsAtOnce); !done)
            return done;
        for (size_t i = std::exchange(skip, 0); i < walk.keys().size(); ++i) {
            if (page.room() == 0) {
                page.go_on_after(json::array({walk.place(), i}).dump());
                return {};
            }
            if (auto row = rows.row(walk.keys()[i], walk.flows()[i]))
                page.add(std::move(*row));
        }
        if (page.full() && !walk.over()) {
            page.go_on_after(json::array({walk.next_place(), 0}).dump());
            return {};
        }
    } while (!walk.over());
    return {};
}

}  // namespace catflap::agent
