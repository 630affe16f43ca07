// SPDX-License-Identifier: Apache-2.0
// Events for refused policies, to which a test plays the API server and the clock.
#include "source/api/refusal_events.h"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "unit/source/reflector_site.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

namespace {

struct EventSite {
    FakeTransport transport;
    RefusalEvents events;
    RefusalEvents::Clock::time_point now{1000h};

    explicit EventSite(const std::string& node = "n1", uint32_t seed = 1) : events(node, transport, seed) {}
    void pass(std::chrono::milliseconds time) {
        now += time;
        events.tick(now);
        events.step(now);
    }
    [[nodiscard]] bool is_quiet() const { return transport.target.empty(); }
    [[nodiscard]] nlohmann::json written() const { return nlohmann::json::parse(transport.request.body); }
    void answer(int status, const std::string& body = "{}", ResponseHead head = {}) {
        REQUIRE_FALSE(is_quiet());
        head.status = status;
        REQUIRE(events.head(head));
        REQUIRE(events.body(body));
        end();
    }
    void end(const Result<>& outcome = {}) {
        transport.target.clear();
        events.end(outcome);
    }
    // Until the Event is about to be written.
    void begin(const std::string& why = "too large") {
        events.set({{"shop", "web", "DoesNotFit", why}}, now);
        pass(31s);
        REQUIRE(transport.target == "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/web");
        answer(200, R"({"metadata":{"name":"web","uid":"u-1","generation":3}})");
        REQUIRE(transport.request.method == "POST");
        REQUIRE(transport.target == "/apis/events.k8s.io/v1/namespaces/shop/events?fieldManager=catflapd");
    }
};

}  // namespace

TEST_CASE("a refused policy gets an Event in its namespace, that names it") {
    EventSite site;
    site.pass(1h);
    CHECK(site.is_quiet());
    site.begin();
    const auto event = site.written();
    CHECK(event["type"] == "Warning");
    CHECK(event["reason"] == "DoesNotFit");
    CHECK(event["note"] == "too large");
    CHECK(event["regarding"]["kind"] == "NetworkPolicy");
    CHECK(event["regarding"]["name"] == "web");
    CHECK(event["regarding"]["uid"] == "u-1");
    CHECK(event["reportingInstance"] == "n1");
    CHECK(event["metadata"]["namespace"] == "shop");
    CHECK(event["metadata"]["name"].get<std::string>().starts_with("web."));
    site.answer(201);
    site.pass(50min);
    CHECK(site.is_quiet());
    site.pass(16min);  // it goes on
    CHECK_FALSE(site.is_quiet());
}

TEST_CASE("all agents come to one name for a version of a policy, whatever their words") {
    EventSite site;
    EventSite other("n2", 2);
    site.begin("no room on n1");
    other.begin("no room on n2");
    const std::string name = site.written()["metadata"]["name"];
    CHECK(other.written()["metadata"]["name"] == name);
    other.answer(409, refusal(409, "already exists"));
    CHECK(other.events.not_allowed() == "");
    other.pass(50min);
    CHECK(other.is_quiet());
    // Another version is another Event.
    EventSite later;
    later.events.set({{"shop", "web", "DoesNotFit", "no room"}}, later.now);
    later.pass(31s);
    later.answer(200, R"({"metadata":{"name":"web","uid":"u-1","generation":4}})");
    CHECK(later.written()["metadata"]["name"] != name);
}

TEST_CASE("many are told one after the other; what is refused no more, or gone, is not told") {
    EventSite site;
    site.events.set({{"shop", "a", "Refused", "x"}, {"shop", "b", "Refused", "x"}, {"shop", "c", "Refused", "x"}},
                    site.now);
    site.pass(31s);
    site.answer(404, refusal(404, "not found"));
    CHECK(site.is_quiet());
    site.pass(9s);
    CHECK(site.is_quiet());
    site.pass(2s);
    CHECK_FALSE(site.is_quiet());
    site.answer(200, "{}");
    site.answer(201);
    site.events.set({}, site.now);
    site.pass(2h);
    CHECK(site.is_quiet());
}

TEST_CASE("without the right to Events nothing is asked for minutes, and the right is named") {
    EventSite site;
    site.begin();
    site.answer(403, refusal(403, "events is forbidden"));
    CHECK(site.events.not_allowed() ==
          "write an Event of NetworkPolicy shop/web: not allowed; grant create on events.events.k8s.io: events is "
          "forbidden (403)");
    site.pass(299s);
    CHECK(site.is_quiet());
    site.pass(2s);
    site.answer(403, refusal(403, "networkpolicies is forbidden"));  // it can be told without its uid
    REQUIRE(site.transport.request.method == "POST");
    CHECK_FALSE(site.written()["regarding"].contains("uid"));
    site.answer(201);
    CHECK(site.events.not_allowed() == "");
}

TEST_CASE("a policy whose Event is refused holds up no other") {
    EventSite site;
    site.events.set({{"closed", "a", "Refused", "x"}, {"open", "b", "Refused", "x"}}, site.now);
    std::map<std::string, int> told;  // Events asked for, by namespace
    for (int second = 0; second < 240; ++second) {
        site.pass(1s);
        if (site.is_quiet())
            continue;
        site.answer(200, "{}");
        const std::string ns = site.written()["metadata"]["namespace"];
        ++told[ns];
        site.answer(ns == "closed" ? 403 : 201, refusal(403, "exceeded quota"));
    }
    CHECK(told == std::map<std::string, int>{{"closed", 1}, {"open", 1}});
}

TEST_CASE("a policy that cannot be read now is not told under another name") {
    EventSite site;
    site.events.set({{"shop", "web", "DoesNotFit", "too large"}}, site.now);
    site.pass(31s);
    SUBCASE("429, when the server says") {
        ResponseHead head;
        head.retry_after = std::chrono::seconds(60);
        site.answer(429, refusal(429, "too many requests"), head);
        site.pass(59s);
        CHECK(site.is_quiet());
        site.pass(2s);
    }
    SUBCASE("503") {
        site.answer(503, refusal(503, "starting"));
        CHECK(site.is_quiet());
        site.pass(3s);
    }
    CHECK(site.transport.target == "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/web");
}

TEST_CASE("a server that fails, or does not answer, is asked again later") {
    EventSite site;
    site.begin();
    SUBCASE("500") {
        site.answer(500, refusal(500, "etcd"));
    }
    SUBCASE("broken") {
        site.end(fail("connection reset"));
    }
    SUBCASE("silent") {
        site.pass(14s);
        CHECK_FALSE(site.is_quiet());
        site.pass(2s);
    }
    CHECK(site.is_quiet());
    CHECK(site.events.not_allowed() == "");
    site.pass(1s);
    CHECK(site.is_quiet());
    site.pass(2s);
    CHECK_FALSE(site.is_quiet());
}

TEST_CASE("long names and notes are cut to what the API takes, between characters") {
    EventSite site;
    std::string note(998, 'x');
    note += "\u00e4\u00e4\u00e4";
    const std::string name = std::string(235, 'a') + "." + std::string(17, 'b');
    site.events.set({{"shop", name, "Refused", note}}, site.now);
    site.pass(31s);
    site.answer(200, "{}");
    const auto event = site.written();
    CHECK(event["metadata"]["name"].get<std::string>().size() <= 253);
    CHECK(event["metadata"]["name"].get<std::string>().starts_with(std::string(235, 'a') + "."));
    CHECK(event["metadata"]["name"].get<std::string>()[236] != '.');
    CHECK(event["note"].get<std::string>().size() <= 1000);
    CHECK(event["note"].get<std::string>().ends_with("x..."));
}
