// SPDX-License-Identifier: Apache-2.0
// The keeper of an agent's Lease, to which a test plays the API server and the clock.
#include "source/api/lease_keeper.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "unit/source/reflector_site.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

namespace {

constexpr const char* kPath = "/apis/coordination.k8s.io/v1/namespaces/catflap-leases/leases/catflap.n1";

struct LeaseSite {
    FakeTransport transport;
    LeaseKeeper keeper{{.node = "n1", .duration = 60s}, transport, 1};
    LeaseKeeper::Clock::time_point now{1000h};

    void step() { keeper.step(now); }
    void pass(std::chrono::milliseconds time) {
        now += time;
        keeper.tick(now);
        step();
    }
    [[nodiscard]] bool is_quiet() const { return transport.target.empty(); }
    [[nodiscard]] bool writes() const { return transport.request.method == "PATCH" && !is_quiet(); }
    [[nodiscard]] nlohmann::json written() const { return nlohmann::json::parse(transport.request.body); }
    void answer(int status, const std::string& body = "{}", ResponseHead head = {}) {
        REQUIRE_FALSE(is_quiet());
        head.status = status;
        REQUIRE(keeper.head(head));
        REQUIRE(keeper.body(body));
        end();
    }
    void end(const Result<>& outcome = {}) {
        transport.target.clear();
        keeper.end(outcome);
        step();
    }
    void begin(const Presence& presence = {"ebpf", "enforcing"}) {
        keeper.set(presence);
        step();
        REQUIRE(transport.target == "/api/v1/nodes/n1");
        answer(200, R"({"kind":"Node","metadata":{"name":"n1","uid":"u-1"}})");
    }
    void hold() {
        begin();
        answer(201);
    }
    [[nodiscard]] std::string error() const { return keeper.status().error; }
};

}  // namespace

TEST_CASE("a Lease is held from the first presence on, by one request that needs no read") {
    LeaseSite site;
    site.pass(10min);
    CHECK(site.is_quiet());  // nobody has said yet how the agent is
    site.begin({"audit", "audit-mode"});
    REQUIRE(site.writes());
    CHECK(site.transport.target == std::string(kPath) + "?fieldManager=catflapd&force=true");
    CHECK(site.transport.request.content_type == "application/apply-patch+yaml");
    const auto lease = site.written();
    CHECK(lease["metadata"]["name"] == "catflap.n1");
    CHECK(lease["metadata"]["annotations"]["catflap.github.io/state"] == "audit-mode");
    CHECK(lease["metadata"]["ownerReferences"][0]["uid"] == "u-1");
    CHECK(lease["spec"]["holderIdentity"] == "n1");
    CHECK_FALSE(site.keeper.status().renewed_at);
    site.answer(201);
    CHECK(site.keeper.status().renewed_at);
    CHECK(site.keeper.status().name == "catflap-leases/catflap.n1");
    CHECK(site.error() == "");
}

TEST_CASE("it is renewed three times within its duration, and not in step with others") {
    LeaseSite site;
    site.hold();
    for (int renewal = 0; renewal < 20; ++renewal) {
        site.pass(17s);
        CHECK(site.is_quiet());
        site.pass(5s);
        REQUIRE(site.writes());
        site.answer(200);
    }
}

TEST_CASE("an agent that does not say any more how it is does not renew") {
    LeaseSite site;
    site.hold();
    site.keeper.set(std::nullopt);
    site.pass(10min);
    CHECK(site.is_quiet());
    site.keeper.set(Presence{"ebpf", "enforcing"});
    site.step();
    CHECK(site.writes());
}

TEST_CASE("a change of the state is told within seconds, and a flicker is not") {
    LeaseSite site;
    site.hold();
    site.pass(1s);
    site.keeper.set(Presence{"ebpf", "source-stale"});
    site.step();
    CHECK(site.is_quiet());
    site.pass(5s);
    REQUIRE(site.writes());
    CHECK(site.written()["metadata"]["annotations"]["catflap.github.io/state"] == "source-stale");
    site.keeper.set(Presence{"ebpf", "enforcing"});  // while the request is under way
    site.answer(200);
    CHECK(site.is_quiet());
    site.pass(5s);
    REQUIRE(site.writes());
    CHECK(site.written()["metadata"]["annotations"]["catflap.github.io/state"] == "enforcing");
    site.answer(200);
    site.keeper.set(Presence{"ebpf", "refused"});
    site.keeper.set(Presence{"ebpf", "enforcing"});
    site.pass(10s);
    CHECK(site.writes() == false);
}

TEST_CASE("a right or a namespace that is missing: named, and asked for again after minutes") {
    LeaseSite site;
    site.begin();
    SUBCASE("403") {
        site.answer(403, refusal(403, "leases is forbidden"));
        REQUIRE(site.writes());  // it may have been the owner
        CHECK_FALSE(site.written()["metadata"].contains("ownerReferences"));
        site.answer(403, refusal(403, "leases is forbidden"));
        CHECK(
            site.error() ==
            "write the Lease catflap-leases/catflap.n1: not allowed; grant create and patch on leases.coordination.k8s.io "
            "in that namespace: leases is forbidden (403)");
    }
    SUBCASE("404") {
        site.answer(404, refusal(404, "namespaces not found"));
        CHECK(site.error() == "write the Lease catflap-leases/catflap.n1: namespaces not found (404)");
    }
    CHECK(site.keeper.status().not_allowed);
    site.keeper.set(Presence{"ebpf", "refused"});  // no reason to hurry
    site.pass(290s);
    CHECK(site.is_quiet());
    site.pass(20s);
    if (!site.writes())  // it was not the owner, which comes back with the right
        site.answer(200, R"({"metadata":{"uid":"u-1"}})");
    REQUIRE(site.writes());
    CHECK(site.written()["metadata"].contains("ownerReferences"));
    site.answer(201);
    CHECK_FALSE(site.keeper.status().not_allowed);
    CHECK(site.error() == "");
}

TEST_CASE("an owner that must not be set is left out, for good") {
    LeaseSite site;
    site.begin();
    site.answer(403, refusal(403, "cannot set an ownerRef on a resource you can't delete"));
    site.answer(201);
    CHECK(site.error() == "");
    site.pass(400s);
    REQUIRE(site.writes());
    CHECK_FALSE(site.written()["metadata"].contains("ownerReferences"));
}

TEST_CASE("a Node that cannot be read is no reason to hold no Lease") {
    LeaseSite site;
    site.keeper.set(Presence{"ebpf", "enforcing"});
    site.step();
    SUBCASE("403") {
        site.answer(403, refusal(403, "nodes is forbidden"));
    }
    SUBCASE("no answer") {
        site.end(fail("connection reset"));
    }
    SUBCASE("no Node") {
        site.answer(200, "[]");
    }
    REQUIRE(site.writes());
    CHECK_FALSE(site.written()["metadata"].contains("ownerReferences"));
}

TEST_CASE("a Lease that went with its Node is held anew, and belongs to the new Node of that name") {
    LeaseSite site;
    site.hold();
    site.pass(25s);
    site.answer(201);
    site.pass(25s);
    REQUIRE(site.transport.target == "/api/v1/nodes/n1");
    site.answer(200, R"({"metadata":{"uid":"u-2"}})");
    REQUIRE(site.writes());
    CHECK(site.written()["metadata"]["ownerReferences"][0]["uid"] == "u-2");
}

TEST_CASE("5xx, 409 and a broken connection are tried again, later each time; 429 when the server says") {
    LeaseSite site;
    site.hold();
    site.pass(25s);
    site.answer(500, refusal(500, "etcd"));
    CHECK(site.error() == "write the Lease catflap-leases/catflap.n1: etcd (500)");
    CHECK_FALSE(site.keeper.status().not_allowed);
    site.pass(500ms);
    CHECK(site.is_quiet());
    site.pass(1s);
    REQUIRE(site.writes());
    site.answer(409, refusal(409, "conflict"));
    site.pass(1400ms);
    CHECK(site.is_quiet());
    site.pass(1200ms);
    REQUIRE(site.writes());
    site.end(fail("connection reset"));
    CHECK(site.error() == "write the Lease catflap-leases/catflap.n1: connection reset");
    site.pass(6s);
    site.answer(429, refusal(429, "later"), {429, 40s});
    site.pass(39s);
    CHECK(site.is_quiet());
    site.pass(2s);
    REQUIRE(site.writes());
    site.answer(200);
    CHECK(site.error() == "");
}

TEST_CASE("401 asks for new credentials") {
    LeaseSite site;
    site.begin();
    site.answer(401, refusal(401, "Unauthorized"));
    CHECK(site.transport.renewed == 1);
    site.pass(2s);
    CHECK(site.writes());
}

TEST_CASE("a server that does not answer is given up, and its connection stays for the watches") {
    LeaseSite site;
    site.hold();
    site.pass(25s);
    REQUIRE(site.writes());
    site.pass(14s);
    CHECK(site.error() == "");
    site.pass(2s);
    CHECK(site.is_quiet());
    CHECK(site.error() == "write the Lease catflap-leases/catflap.n1: no answer came for 15 s");
    CHECK(site.transport.left == 0);
    site.pass(2s);
    CHECK(site.writes());
}

TEST_CASE("without a duration no Lease is held") {
    FakeTransport transport;
    LeaseKeeper keeper({.node = "n1"}, transport, 1);
    keeper.set(Presence{"ebpf", "enforcing"});
    CHECK(keeper.step(LeaseKeeper::Clock::time_point(1000h)) == LeaseKeeper::Clock::time_point::max());
    CHECK(transport.target.empty());
}

TEST_CASE("what an agent writes is what others read") {
    const std::chrono::system_clock::time_point time{std::chrono::microseconds(1'700'000'000'012'345)};
    const Lease lease{.ns = "ns",
                      .node = "n1",
                      .version = "0.1.0",
                      .mode = "ebpf",
                      .state = "a,b",
                      .acquired_at = time - 1h,
                      .renewed_at = time,
                      .duration = 60s,
                      .node_uid = "u"};
    const std::string text = lease_manifest(lease);
    CHECK(text.find(R"("renewTime":"2023-11-14T22:13:20.012345Z")") != std::string::npos);
    const auto read = decode_lease(text);
    REQUIRE(read);
    CHECK(read->ns == "ns");
    CHECK(read->node == "n1");
    CHECK(read->version == "0.1.0");
    CHECK(read->mode == "ebpf");
    CHECK(read->state == "a,b");
    CHECK(read->acquired_at == time - 1h);
    CHECK(read->renewed_at == time);
    CHECK(read->duration == 60s);
    CHECK(read->node_uid == "u");
    for (const char* other :
         {"", "[]", R"({"spec":{"holderIdentity":"n1"}})",
          R"({"spec":{"holderIdentity":"n1","renewTime":"soon","leaseDurationSeconds":60}})",
          R"({"spec":{"holderIdentity":7,"renewTime":"2023-11-14T22:13:20Z","leaseDurationSeconds":60}})"})
        CHECK_FALSE_MESSAGE(decode_lease(other), other);
}
