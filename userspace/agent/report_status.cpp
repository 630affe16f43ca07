// SPDX-License-Identifier: Apache-2.0
#include <catflap/timeouts.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "agent/report.h"
#include "agent/report_ebpf.h"
#include "kernel/datapath/flows.h"
#include "kernel/maps/map.h"

namespace catflap::agent {

using nlohmann::json;

json warnings(const AgentState& state);

namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text.data();
}

std::string kernel_release() {
    utsname name{};
    return uname(&name) == 0 ? name.release : "";
}

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
std::string rule_name(const std::map<uint32_t, const compile::DecisionKey*>& decisions, uint32_t number) {
    const auto found = decisions.find(number);
    if (found == decisions.end())
        return "";
    const compile::DecisionKey& key = *found->second;
    return fmt::format("{} {}[{}]", to_string(key.policies.front()), to_string(key.direction), key.rule_index);
}

json guard(const AgentState& state) {
    return {{"on", state.guard->closed()}, {"by", to_string(state.guard->kind())}, {"error", state.guard_error}};
}

size_t count_flows(const EbpfDataplane& dataplane) {
    size_t count = 0;
    kernel::for_each_flow(dataplane.datapath().map_fd("flows"), [&](const catflap_flow_key&, const catflap_flow&) {
        ++count;
        return true;
    });
    return count;
}

json unenforced(const AgentState& state) {
    json result = json::array();
    for (const Unenforced& one : state.local.unenforced) {
        json policies = json::array();
        for (const ObjectName& policy : one.policies)
            policies.push_back(to_string(policy));
        result.push_back(
            {{"namespace", one.pod.ns}, {"pod", one.pod.name}, {"reason", one.reason}, {"policies", policies}});
    }
    return result;
}

json counts(const AgentState& state, const EbpfDataplane& dataplane, const json& maps) {
    const compile::Loaded& loaded = dataplane.loaded();
    const auto flows = std::ranges::find_if(maps, [](const json& map) { return map["name"] == "flows"; });
    return {{"endpoints", state.local.pods.size()},
            {"policies", state.source->cluster().policies.size()},
            {"sets", count_sets(dataplane)},
            {"classes", loaded.class_numbers.size()},
            {"portClasses", loaded.port_numbers.size()},
            {"tables", loaded.tables.size()},
            {"addresses", loaded.addresses.size()},
            {"prefixes", loaded.prefixes.size()},
            {"flows", flows == maps.end() ? json(0) : (*flows)["entries"]}};
}

json last_commit(const AgentState& state) {
    const LastCommit& last = state.last_commit;
    return {{"at", rfc3339(last.at)},
            {"durationUs", last.duration.count()},
            {"endpointsChanged", last.report.endpoints_changed},
            {"addressesChanged", last.report.addresses_changed},
            {"tablesWritten", last.report.tables_written}};
}

json health(const EbpfDataplane& dataplane) {
    const auto counted = dataplane.datapath().health();
    if (!counted)
        return json::object();
    return {{"flowsCreated", counted->flows_created},
            {"flowInsertFailures", counted->flow_insert_failures},
            {"flowsJudgedAgain", counted->flows_judged_again},
            {"flowsRecovered", counted->flows_recovered},
            {"auditPasses", counted->audit_passes}};
}

// How many elements are in use, as far as that can be told.
size_t entries_in_use(const AgentState& state, const EbpfDataplane& dataplane, const std::string& name) {
    const compile::Loaded& loaded = dataplane.loaded();
    const kernel::MapStore& store = dataplane.datapath().store();
    if (name == "ipv4_addresses")
        return store.addresses().ipv4_count();
    if (name == "ipv6_addresses")
        return store.addresses().ipv6_count();
    if (name == "cidrs")
        return loaded.prefixes.size() + store.cidrs().pod_keys();
    if (name == "interfaces" || name == "endpoint_configs")
        return loaded.endpoints.size();
    if (name == "table_pages")
        return loaded.pools.pages.pages() - loaded.pools.pages.free_pages();
    if (name == "rule_counters")
        return loaded.decisions.numbers().size() + 1;
    if (name == "endpoint_counters")
        return state.local.pods.size() * 2;
    if (name == "flows")
        return count_flows(dataplane);
    if (name == "fragments") {
        size_t count = 0;
        kernel::for_each_key<catflap_fragment_key>(dataplane.datapath().map_fd("fragments"), [&](const auto&) {
            ++count;
            return true;
        });
        return count;
    }
    const auto info = kernel::map_info(dataplane.datapath().map_fd(name.c_str()));
    return info ? info->max_entries : 0;
}

// An element of the tables of addresses is a bucket.
size_t slots_per_element(const std::string& name) {
    return name == "ipv4_addresses" || name == "ipv6_addresses" ? CATFLAP_BUCKET_SLOTS : 1;
}

}  // namespace

json report_maps(const AgentState& state, const EbpfDataplane& dataplane) {
    json result = json::array();
    for (const kernel::NamedMap& map : dataplane.datapath().maps()) {
        const auto info = kernel::map_info(map.fd);
        if (!info)
            continue;
        const size_t entries = entries_in_use(state, dataplane, map.name);
        const size_t max_entries = info->max_entries / map.copies * slots_per_element(map.name);
        result.push_back(
            {{"name", map.name},
             {"type", kernel::map_type_name(info->type)},
             {"keyBytes", info->key_bytes},
             {"valueBytes", info->value_bytes},
             {"entries", entries},
             {"maxEntries", max_entries},
             {"memoryBytes", kernel::map_memory_bytes(map.fd)},
             {"fillPercent", max_entries ? 100.0 * static_cast<double>(entries) / static_cast<double>(max_entries) : 0},
             {"pinned", map.pinned}});
    }
    return result;
}

json report_ebpf_status(const AgentState& state, const EbpfDataplane& dataplane) {
    json maps = report_maps(state, dataplane);
    return {{"asksConntrack", dataplane.datapath().asks_conntrack()},
            {"counts", counts(state, dataplane, maps)},
            {"maps", maps},
            {"health", health(dataplane)}};
}

json report_status(const AgentState& state) {
    json status = {{"version", CATFLAP_VERSION},
                   {"pid", getpid()},
                   {"node", state.options.node},
                   {"mode", to_string(state.options.mode)},
                   {"source",
                    {{"kind", "directory"},
                     {"path", state.options.source_dir.string()},
                     {"state", state.source_error.empty() ? "synced" : "stale"},
                     {"error", state.source_error}}},
                   {"established", keeps_established(state.options) ? "keep" : "revoke"},
                   {"attachedBy", state.dataplane->attached_by()},
                   {"guard", guard(state)},
                   {"kernel", kernel_release()},
                   {"startedAt", rfc3339(state.started_at)},
                   {"generationOfState", state.commits},
                   {"lastCommit", last_commit(state)},
                   {"refused", refused(state)},
                   {"warnings", warnings(state)},
                   {"unenforced", unenforced(state)}};
    status.update(state.dataplane->status(state));
    status["counts"]["unknownEndpoints"] = std::ranges::count_if(
        state.local.endpoints, [](const compile::EndpointSpec& endpoint) { return !endpoint.pod; });
    return status;
}

json report_flows(const AgentState&, const EbpfDataplane& dataplane) {
    std::map<uint32_t, const compile::LoadedEndpoint*> by_slot;
    for (const auto& [ifindex, endpoint] : dataplane.loaded().endpoints)
        if (endpoint.spec.pod)
            by_slot[endpoint.slot] = &endpoint;
    constexpr std::array<const char*, 3> kOpeners = {"pod", "remote", "host"};
    constexpr std::array<const char*, 5> kStates = {"opening", "replied", "established", "closing", "closed"};
    std::map<uint32_t, const compile::DecisionKey*> decisions;
    for (const auto& [key, number] : dataplane.loaded().decisions.numbers())
        decisions[number] = &key;
    const uint64_t now_ns = kernel::flow_clock_ns();
    json result = json::array();
    kernel::for_each_flow(dataplane.datapath().map_fd("flows"), [&](const catflap_flow_key& key,
                                                                    const catflap_flow& flow) {
        const auto endpoint = by_slot.find(key.slot_protocol >> 8);
        if (endpoint == by_slot.end() || flow.opener >= kOpeners.size() || flow.state >= kStates.size())
            return true;
        const compile::LoadedEndpoint& pod = *endpoint->second;
        const auto protocol = static_cast<uint8_t>(key.slot_protocol);
        const auto age_s = static_cast<int64_t>((now_ns - std::min<uint64_t>(now_ns, flow.last_seen_ns)) / kSecondNs);
        const int64_t left_s = catflap_flow_timeout_s(flow.state, protocol) - age_s;
        const bool of_this_pod = static_cast<int32_t>(flow.generation - pod.first_generation) >= 0;
        if (left_s < 0 || !of_this_pod)
            return true;  // the datapath would not take it for a flow either
        result.push_back({{"namespace", pod.spec.pod->ns},
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
                          {"stale", flow.opener != CATFLAP_OPENER_HOST && flow.generation != pod.generation},
                          {"rule", rule_name(decisions, flow.rule)}});
        return true;
    });
    return result;
}

json report_drops(const AgentState& state, const EbpfDataplane& dataplane) {
    struct Reason {
        const char* label;
        const char* sentence;
    };
    constexpr std::array<Reason, CATFLAP_REASON_COUNT> kReasons = {{
        {"none", ""},
#define CATFLAP_REASON(name, label, sentence) {label, sentence},
#include <catflap/reasons.def>
#undef CATFLAP_REASON
    }};
    json result = json::array();
    for (uint32_t reason = 1; reason < kReasons.size(); ++reason) {
        auto counted = dataplane.datapath().drop_count(reason);
        if (const auto dropped =
                reason == CATFLAP_REASON_UNJUDGED ? state.guard->dropped_by_table() : Result<GuardCount>{};
            counted && dropped)
            counted = catflap_counter{counted->packets + dropped->packets, counted->bytes + dropped->bytes};
        if (counted)
            result.push_back({{"reason", kReasons[reason].label},
                              {"sentence", kReasons[reason].sentence},
                              {"packets", counted->packets},
                              {"bytes", counted->bytes}});
    }
    return result;
}

}  // namespace catflap::agent
