// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/facts.h"
#include "agent/report.h"
#include "agent/report_ebpf.h"
#include "report/conditions.h"
#include "agent/report_lifecycle.h"

namespace catflap::agent {
namespace {

using nlohmann::json;

json guard(const AgentState& state) {
    return {{"on", state.guard && state.guard->closed()},
            {"by", state.guard ? to_string(state.guard->kind()) : "off"},
            {"error", state.guard_error}};
}

json cache(const AgentState& state) {
    const source::CacheStatus* status = state.source ? state.source->cache_status() : nullptr;
    if (status == nullptr)
        return nullptr;
    const bool saved = status->saved_at != std::chrono::system_clock::time_point();
    return {{"path", status->path.string()},
            {"savedAt", saved ? rfc3339(status->saved_at) : ""},
            {"bytes", status->bytes},
            {"lost", status->lost},
            {"error", status->error}};
}

json pod_rows(const std::vector<report::UnenforcedPod>& pods, const std::string& this_node) {
    json result = json::array();
    for (const report::UnenforcedPod& one : pods) {
        const size_t slash = one.pod.find('/');
        result.push_back({{"namespace", one.pod.substr(0, slash)},
                          {"pod", one.pod.substr(slash + 1)},
                          {"node", one.node.empty() ? this_node : one.node},
                          {"reason", one.reason},
                          {"policies", one.policies}});
    }
    return result;
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

json counts_of_ebpf(const AgentState& state, const EbpfDataplane& dataplane, const json& maps) {
    const compile::Loaded& loaded = dataplane.loaded();
    const auto flows = std::ranges::find_if(maps, [](const json& map) { return map["name"] == "flows"; });
    state.index.update(state.resolved, state.commits);
    return {{"endpoints", state.local.pods.size()},
            {"policies", state.source->cluster().policies.size()},
            {"sets", state.index.sets().size()},
            {"classes", loaded.class_numbers.size()},
            {"portClasses", loaded.port_numbers.size()},
            {"tables", loaded.tables.size()},
            {"addresses", loaded.addresses.size()},
            {"prefixes", loaded.prefixes.size()},
            {"flows", flows == maps.end() ? json(0) : (*flows)["entries"]}};
}

// What the lists may hold only the first ones of.
void add_counts(json& counts, const AgentState& state) {
    counts["refused"] = state.source->refusals().size();
    counts["warnings"] = state.source->warnings().size() + state.last_commit.report.mixed_services.size();
    counts["unenforced"] = state.local.unenforced.size();
    counts["outOfReach"] = state.out_of_reach.count;
    counts["unknownEndpoints"] = std::ranges::count_if(
        state.local.endpoints, [](const compile::EndpointSpec& endpoint) { return !endpoint.pod; });
}

}  // namespace

json report_ebpf_status(const AgentState& state, const EbpfDataplane& dataplane) {
    json maps = report_maps(state, dataplane);
    return {{"asksConntrack", dataplane.datapath().asks_conntrack()},
            {"counts", counts_of_ebpf(state, dataplane, maps)},
            {"maps", maps},
            {"health", health(dataplane)}};
}

json report_status(const AgentState& state) {
    const report::Facts facts = facts_of(state);
    json status = {{"version", CATFLAP_VERSION},
                   {"pid", getpid()},
                   {"node", state.options.node},
                   {"mode", to_string(state.options.mode)},
                   {"source",
                    {{"kind", "directory"},
                     {"path", state.options.source_dir.string()},
                     {"state", state.source_error.empty() ? "synced" : "stale"},
                     {"error", state.source_error},
                     {"cache", cache(state)}}},
                   {"established", keeps_established(state.options) ? "keep" : "revoke"},
                   {"attachedBy", state.dataplane ? state.dataplane->attached_by() : ""},
                   {"guard", guard(state)},
                   {"kernel", kernel_release()},
                   {"startedAt", rfc3339(state.started_at)},
                   {"generationOfState", state.commits},
                   {"lastCommit", last_commit(state)},
                   {"conditions", report::to_json(report::findings(facts))},
                   {"refused", state.source ? refused(state) : json::array()},
                   {"warnings", state.source ? warnings(state) : json::array()},
                   {"unenforced", pod_rows(facts.unenforced, state.options.node)},
                   {"outOfReach", pod_rows(facts.out_of_reach, state.options.node)}};
    if (state.dataplane && state.source)
        status.update(state.dataplane->status(state));
    status.update(report_lifecycle(state));
    if (state.source)
        add_counts(status["counts"], state);
    status["counts"]["interfaces"] = state.links ? state.links->links().size() : 0;
    return status;
}

}  // namespace catflap::agent
