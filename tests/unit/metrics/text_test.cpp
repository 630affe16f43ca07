// SPDX-License-Identifier: Apache-2.0
#include "metrics/text.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <set>
#include <sstream>

using namespace catflap;
using namespace catflap::metrics;

namespace {

// Something of everything that there is to print.
Snapshot full() {
    using report::Time;
    const Time time{std::chrono::seconds(1'700'000'000)};
    Snapshot snapshot;
    report::Status& status = snapshot.status;
    status.mode = "ebpf";
    status.attached_by = "tcx";
    status.source_kind = "cluster";
    status.kernel = "6.18";
    status.started_at = time;
    status.commits = 7;
    status.last_commit.at = time;
    status.facts.source_error = "gone";
    status.facts.guard_on = true;
    status.facts.guard_wanted = true;
    status.source_error = "gone";
    status.feeds = {{"pods", true, false, "no route", time, 1, 2, 300}};
    status.cache = report::CacheRow{"/run", time, 4096, "", ""};
    status.lease = report::LeaseRow{"catflap-leases/catflap.n1", time, ""};
    status.mends = {{"pins", 3, time}};
    status.verify.passes = 8;
    status.verify.differences = {{"prefixes", 4}};
    status.verify.unread = 1;
    status.verify.last = time;
    status.verify.took = std::chrono::milliseconds(250);
    status.counts = {{"refused", 2}};
    status.engine.emplace();
    status.engine->counts = {{"sets", 5}};
    status.engine->health = {{"flowsCreated", 12}};
    report::MapRow map;
    map.name = "flows";
    map.entries = 10;
    map.max_entries = 100;
    map.memory_bytes = 1000;
    report::MapRow fixed = map;
    fixed.name = "port_pages";
    fixed.fixed = true;
    status.engine->maps = {map, fixed};
    report::EndpointRow endpoint;
    endpoint.interface = "cali1";
    endpoint.ns = "shop";
    endpoint.pod = "web";
    endpoint.from_pod.allowed.add(2, 200);
    endpoint.to_pod.dropped.add(3, 300);
    snapshot.endpoints = {endpoint};
    report::PolicyRow policy;
    policy.ns = "shop";
    policy.name = "a \"quoted\" name";
    policy.isolates_ingress = true;
    policy.endpoints = 1;
    policy.counted.ingress.dropped.add(4, 400);
    snapshot.policies = {policy};
    snapshot.drops = {{"policy", "no rule admits it", {5, 500}}};
    snapshot.policies_left_out = 6;
    snapshot.durations.commit.observe(std::chrono::milliseconds(3));
    snapshot.durations.urgent.observe(std::chrono::milliseconds(4));
    return snapshot;
}

std::set<std::string> lines_of(const std::string& text) {
    std::set<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.insert(line);
    return lines;
}

}  // namespace

TEST_CASE("every value has its line") {
    const auto lines = lines_of(text_of(full()));
    for (
        const char* line : {
            R"(catflap_build_info{version="0.1.0",mode="ebpf",attached_by="tcx",source="cluster",kernel="6.18"} 1)",
            "catflap_start_time_seconds 1700000000",
            "catflap_enforcing 1",
            R"(catflap_condition{id="source-stale",severity="fail"} 1)",
            R"(catflap_condition{id="refused",severity="fail"} 0)",
            R"(catflap_mends_total{what="pins"} 3)",
            "catflap_verify_passes_total 8",
            R"(catflap_verify_differences_total{check="prefixes"} 4)",
            "catflap_verify_unread_total 1",
            "catflap_verify_last_timestamp_seconds 1700000000",
            "catflap_verify_seconds_total 0.25",
            "catflap_source_up_to_date 0",
            R"(catflap_feed_synced{resource="pods"} 1)",
            R"(catflap_feed_failing{resource="pods"} 1)",
            R"(catflap_feed_heard_timestamp_seconds{resource="pods"} 1700000000)",
            R"(catflap_feed_lists_total{resource="pods"} 1)",
            R"(catflap_feed_watches_total{resource="pods"} 2)",
            R"(catflap_feed_events_total{resource="pods"} 300)",
            "catflap_lease_renewed_timestamp_seconds 1700000000",
            "catflap_cache_saved_timestamp_seconds 1700000000",
            "catflap_commits_total 7",
            "catflap_last_commit_timestamp_seconds 1700000000",
            R"(catflap_commit_duration_seconds_bucket{le="0.002"} 0)",
            R"(catflap_commit_duration_seconds_bucket{le="0.005"} 1)",
            R"(catflap_commit_duration_seconds_bucket{le="+Inf"} 1)",
            R"(catflap_seen_to_enforced_seconds_count{urgent="true"} 1)",
            R"(catflap_seen_to_enforced_seconds_count{urgent="false"} 0)",
            R"(catflap_objects{what="refused"} 2)",
            R"(catflap_objects{what="sets"} 5)",
            R"(catflap_datapath_events_total{event="flowsCreated"} 12)",
            R"(catflap_map_entries{map="flows"} 10)",
            R"(catflap_map_max_entries{map="flows"} 100)",
            R"(catflap_map_memory_bytes{map="port_pages"} 1000)",
            R"(catflap_dropped_packets_total{reason="policy"} 5)",
            R"(catflap_dropped_bytes_total{reason="policy"} 500)",
            R"(catflap_endpoint_packets_total{namespace="shop",pod="web",interface="cali1",direction="from_pod",verdict="allowed"} 2)",
            R"(catflap_endpoint_bytes_total{namespace="shop",pod="web",interface="cali1",direction="to_pod",verdict="dropped"} 300)",
            R"(catflap_policy_packets_total{namespace="shop",policy="a \"quoted\" name",direction="ingress",verdict="dropped"} 4)",
            R"(catflap_policy_endpoints{namespace="shop",policy="a \"quoted\" name"} 1)",
            R"(catflap_metrics_left_out{kind="policies"} 6)",
            R"(catflap_metrics_left_out{kind="endpoints"} 0)",
            "catflap_metrics_incomplete 0",
        })
        CHECK_MESSAGE(lines.contains(line), line);
    // A map that always has all of its entries cannot fill up; a direction that a policy leaves alone has no series.
    for (const std::string& line : lines) {
        CHECK(line.find(R"(entries{map="port_pages")") == std::string::npos);
        CHECK(line.find(R"(direction="egress")") == std::string::npos);
    }
}

TEST_CASE("an agent that is starting has little to say, and says it") {
    Snapshot snapshot;
    snapshot.status.starting.emplace();
    const auto lines = lines_of(text_of(snapshot));
    CHECK(lines.contains("catflap_enforcing 0"));
    CHECK(lines.contains("catflap_source_up_to_date 0"));
    CHECK(lines.contains("catflap_last_commit_timestamp_seconds 0"));
}

TEST_CASE("docs/metrics.md has every metric, and no other") {
    std::set<std::string> printed;
    for (const std::string& line : lines_of(text_of(full())))
        if (line.starts_with("# TYPE "))
            printed.insert(line.substr(7, line.rfind(' ') - 7));
    std::set<std::string> documented;
    std::ifstream page(CATFLAP_TEST_DATA "/../../docs/metrics.md");
    for (std::string line; std::getline(page, line);)
        if (line.starts_with("| `catflap_") || line.starts_with("| `process_")) {
            const std::string name = line.substr(3, line.find_first_of("`{", 3) - 3);
            documented.insert(name);
        }
    CHECK(printed == documented);
}
