// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/scenario.h"

namespace catflap::bench {

const std::vector<TrafficScenario>& traffic_scenarios() {
    static const std::vector<TrafficScenario> scenarios = {
        {"established", "packets/s", "64-byte UDP packets of an established flow", established_packets, {}},
        {"new-flow",
         "packets/s",
         "allowed UDP packets, each the first of another flow",
         new_flow_packets,
         {},
         false,
         1,
         true},
        {"dropped",
         "packets/s",
         "dropped UDP packets, each the first of another flow",
         dropped_packets,
         {},
         true,
         1,
         true},
        {"connections", "connections/s", "TCP connect, request, response, close", tcp_connections, {}},
        {"request", "us", "64-byte request and response on one TCP connection, without scheduling", tcp_requests, {}},
        {"latency", "us", "64-byte request to 64-byte response on one TCP connection, two threads", nullptr,
         request_latency},
        {"bulk", "bit/s", "one TCP connection as fast as it goes (segmentation offload hides the cost of packets)",
         nullptr, bulk_bits, false, 2},
    };
    return scenarios;
}

std::vector<Stage> stages(bool quick, bool smoke, size_t rounds) {
    if (smoke)
        return {{kFirstStage, {1, 1, 10, 5}, 1}};
    const size_t often = rounds != 0 ? rounds : quick ? 3 : 12;
    const size_t few = rounds != 0 ? rounds : quick ? 2 : 6;
    if (quick)
        return {{kFirstStage, {1, 1, 10, 10}, often},
                {"10 policies", {10, 10, 10, 10}, few},
                {"100 policies", {100, 100, 10, 10}, few},
                {"1,000 policies", {1000, 1000, 10, 10}, few},
                {"1,000 addresses", {1, 1, 1000, 10}, few}};
    return {{"1 pod", {1, 1, 10, 1}, few},
            {kFirstStage, {1, 1, 10, 10}, often},
            {"10 policies", {10, 10, 10, 10}, few},
            {"100 policies", {100, 100, 10, 10}, few},
            {"1,000 policies", {1000, 1000, 10, 10}, few},
            {"10,000 in the cluster", {1000, 10000, 10, 10}, few},
            {"1,000 addresses", {1, 1, 1000, 10}, few},
            {"100,000 addresses", {1, 1, 100000, 10}, few},
            {"250 pods", {1, 1, 10, 250}, few}};
}

std::vector<ScenarioName> all_scenarios() {
    std::vector<ScenarioName> names;
    for (const TrafficScenario& scenario : traffic_scenarios())
        names.push_back({scenario.name, scenario.what});
    names.push_back({"micro", "the programs alone, by BPF_PROG_TEST_RUN, in units of an LRU hash lookup"});
    names.push_back({"update", "from a change in the source to the first packet that is judged by it"});
    names.push_back({"load", "100,000 addresses into the kernel against ipset restore, cold start, memory"});
    names.push_back({"churn", "the agent's CPU time and memory under 150 pod changes/s"});
    names.push_back({"replacement", "packets lost or wrongly let through while policies are replaced"});
    return names;
}

}  // namespace catflap::bench
