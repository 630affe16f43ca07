// SPDX-License-Identifier: Apache-2.0
// What the loop has to do with metrics.
#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <future>

#include "agent/collection.h"
#include "loop_site.h"
#include "report/conditions.h"

using namespace catflap;
using namespace catflap::agent;
using namespace catflap::test;

namespace {

report::EndpointRow an_endpoint(const std::string& pod) {
    report::EndpointRow row;
    row.ns = "app";
    row.pod = pod;
    return row;
}

report::PolicyRow a_policy_row(const std::string& name, size_t endpoints, uint64_t dropped) {
    report::PolicyRow row;
    row.ns = "app";
    row.name = name;
    row.endpoints = endpoints;
    row.counted.egress.dropped.add(dropped, 0);
    return row;
}

metrics::Snapshot collect(const AgentState& state, size_t rows, size_t rows_of_a_step, size_t& steps) {
    Collection collection(rows, {.rows = rows_of_a_step});
    for (steps = 1; !collection.step(state); ++steps)
        REQUIRE(steps < 1000);
    return std::move(collection).take();
}

}  // namespace

TEST_CASE("a scrape is gathered in steps of bounded length, and holds what concerns the node") {
    auto site = AgentSite::enforcing();
    if (!site)
        return;
    for (int i = 0; i < 10; ++i)
        site->kernel.rows.emplace_back(an_endpoint(fmt::format("pod{}", i)));
    site->kernel.rows.emplace_back(a_policy_row("selects", 2, 0));
    site->kernel.rows.emplace_back(a_policy_row("elsewhere", 0, 0));
    site->kernel.rows.emplace_back(a_policy_row("dropped-once", 0, 1));
    site->kernel.rows.emplace_back(report::DropRow{"policy", "", {7, 700}});
    size_t steps = 0;
    const auto all = collect(site->state(), 100, 4, steps);
    CHECK(steps >= 5);  // ten endpoints, four at once
    CHECK(all.endpoints.size() == 10);
    CHECK(all.endpoints.back().pod == "pod9");
    REQUIRE(all.policies.size() == 2);
    CHECK(all.policies[0].name == "selects");
    CHECK(all.policies[1].name == "dropped-once");
    REQUIRE(all.drops.size() == 1);
    CHECK(all.drops[0].dropped.packets == 7);
    CHECK(all.status.node == "n1");
    CHECK(all.durations.commit.count() == site->state().commits);

    CHECK_FALSE(all.incomplete);

    const auto some = collect(site->state(), 3, 4, steps);
    CHECK(some.endpoints.size() == 3);
    CHECK(some.endpoints_left_out == 7);
    CHECK(some.policies_left_out == 0);

    // Rows that are missing are not passed over in silence.
    site->kernel.cannot_list = true;
    const auto none = collect(site->state(), 100, 4, steps);
    CHECK(none.incomplete);
    CHECK(none.endpoints.empty());
}

TEST_CASE("an agent that has not begun to enforce has a status, and no rows") {
    auto site = AgentSite::make();
    if (!site)
        return;
    site->kernel.rows.emplace_back(an_endpoint("pod"));
    site->begin();
    size_t steps = 0;
    const auto snapshot = collect(site->state(), 100, 4, steps);
    CHECK(snapshot.endpoints.empty());
    CHECK_FALSE(snapshot.incomplete);
    CHECK(snapshot.status.starting);
}

TEST_CASE("how long a change took until it was in force is counted once, with the commits that failed") {
    auto site = AgentSite::enforcing();
    if (!site)
        return;
    const auto urgent = [&] { return site->state().durations.urgent; };
    const auto before = urgent();
    site->kernel.commit_errors = {Error{EIO, "no"}, Error{EIO, "no"}};
    site->source.put("policy.yaml", a_policy("one"));
    REQUIRE(site->reaches([&] { return site->kernel.policies.size() == 1; }));
    CHECK(urgent().count() == before.count() + 1);
    // The agent tries again a second later.
    CHECK(urgent().sum_s() - before.sum_s() > 0.3);
    CHECK(site->state().durations.patient.count() == 0);
    // A pod elsewhere that comes is nothing that anybody waits for.
    site->source.put("far.yaml", a_pod("far", "10.0.9.9", "n2"));
    REQUIRE(site->reaches([&] { return site->kernel.pods.size() == 3; }));
    CHECK(site->state().durations.patient.count() == 1);
}

TEST_CASE("metrics are served while the loop turns; an address that is not there is tried again, and told once") {
    auto site = AgentSite::make();
    if (!site)
        return;
    PrivateNetwork::ip("link set lo up\n");
    site->options().metrics = "192.0.2.1:9473";
    site->begin();
    REQUIRE(site->enforces());
    CHECK(site->state().metrics_error == "listen on 192.0.2.1:9473 for metrics: Cannot assign requested address");
    CHECK(report::findings(site->status().facts).front().sentence ==
          "metrics are not served: listen on 192.0.2.1:9473 for metrics: Cannot assign requested address");
    PrivateNetwork::ip("addr add 192.0.2.1/32 dev lo\n");
    REQUIRE(site->reaches([&] { return site->state().metrics_error.empty(); }));
    const auto scrape = [] {
        FILE* curl = popen("curl -s http://192.0.2.1:9473/metrics", "r");
        std::string text(1 << 16, '\0');
        text.resize(fread(text.data(), 1, text.size(), curl));
        pclose(curl);
        return text;
    };
    // The thread is in the namespace of the one that makes it.
    auto text = std::async(std::launch::async, scrape);
    REQUIRE(site->reaches([&] { return text.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
    CHECK(text.get().find("\ncatflap_enforcing 1\n") != std::string::npos);
}
