// SPDX-License-Identifier: Apache-2.0
// The test plays the API server: what a reflector asks for next, and what it makes of each answer.
#include "source/api/reflector.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

using namespace catflap;
using namespace catflap::source;
using namespace std::chrono_literals;

namespace {

struct FakeTransport : Transport {
    std::string target;  // of the request under way; "": there is none
    ResponseHandler* handler = nullptr;
    int renewed = 0;

    void start(const std::string& to, ResponseHandler& from) override {
        CHECK(target.empty());
        target = to;
        handler = &from;
    }
    void cancel(ResponseHandler&) override { target.clear(); }
    void renew_credentials() override { ++renewed; }
};

struct FakeSink : ReflectorSink {
    std::vector<Decoded> lists;
    std::vector<uint64_t> questions;
    std::vector<WatchEvent> events;

    void whole(Decoded list, uint64_t question) override {
        lists.push_back(std::move(list));
        questions.push_back(question);
    }
    void changed(WatchEvent event) override { events.push_back(std::move(event)); }
};

constexpr Resource kPods{"Pod", "v1", "pods", "/api/v1/pods"};

std::string pod(const std::string& name, int version, const std::string& more = "") {
    return fmt::format(
        R"({{"metadata":{{"name":"{}","namespace":"shop","resourceVersion":"{}"{}}},"spec":{{}},"status":{{}}}})", name,
        version, more);
}
std::string event(const std::string& type, const std::string& object) {
    return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}
std::string end_of_initial_events(int version) {
    return event(
        "BOOKMARK",
        fmt::format(R"({{"metadata":{{"resourceVersion":"{}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}})",
                    version));
}
std::string refusal(int code, const std::string& message, const std::string& more = "") {
    return fmt::format(R"({{"kind":"Status","code":{},"message":"{}"{}}})", code, message, more);
}
std::string page(const std::string& items, int version, const std::string& next = "") {
    return fmt::format(
        R"({{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
        version, next, items);
}

struct Site {
    FakeTransport transport;
    FakeSink sink;
    Reflector reflector{kPods, transport, sink, 1};
    Reflector::Clock::time_point now{1000h};

    void step() { reflector.step(now); }
    void pass(std::chrono::milliseconds time) {
        now += time;
        reflector.tick(now);
        step();
    }
    [[nodiscard]] bool asks(const std::string& text) const { return transport.target.find(text) != std::string::npos; }
    [[nodiscard]] bool asks_nothing() const { return transport.target.empty(); }
    // A part of an answer; what it does not understand ends the request.
    void answer(int status, const std::string& body, ResponseHead head = {}) {
        REQUIRE_FALSE(transport.target.empty());
        head.status = status;
        auto done = reflector.head(head);
        if (done)
            done = reflector.body(body);
        if (!done)
            end(done);
    }
    void go_on(const std::string& body) {
        if (const auto done = reflector.body(body); !done)
            end(done);
    }
    void end(const Result<>& outcome = {}) {
        transport.target.clear();
        reflector.end(outcome);
    }
    void refuse(int status, const std::string& body, ResponseHead head = {}) {
        answer(status, body, head);
        end();
        step();
    }
    // A watch from version 7 on, of a list with one pod.
    void begin_watch() {
        step();
        answer(200, event("ADDED", pod("a", 5)) + end_of_initial_events(7));
        REQUIRE(sink.lists.size() == 1);
    }
    [[nodiscard]] std::string error() const { return reflector.status().error; }
};

}  // namespace

TEST_CASE("a streamed list is whole at its end, and goes on as a watch") {
    Site site;
    site.step();
    CHECK(site.asks("/api/v1/pods?watch=1"));
    CHECK(site.asks("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
    site.answer(200, event("ADDED", pod("a", 5)) + event("ADDED", pod("b", 6)));
    // What changes meanwhile counts as it is now.
    site.go_on(event("MODIFIED", pod("a", 7)) + event("DELETED", pod("b", 8)) + event("ADDED", pod("c", 9)));
    CHECK(site.sink.lists.empty());
    CHECK_FALSE(site.reflector.status().synced);
    site.go_on(end_of_initial_events(9));
    REQUIRE(site.sink.lists.size() == 1);
    REQUIRE(site.sink.lists[0].objects.size() == 2);
    CHECK(object_key(site.sink.lists[0].objects[0].object) == "Pod shop/a");
    CHECK(object_key(site.sink.lists[0].objects[1].object) == "Pod shop/c");
    CHECK(site.reflector.status().synced);
    site.go_on(event("DELETED", pod("c", 10)));
    REQUIRE(site.sink.events.size() == 1);
    CHECK(site.sink.events[0].type == WatchEvent::Type::removed);
    CHECK(site.sink.events[0].object.key == "Pod shop/c");
}

TEST_CASE("a watch that ends goes on from the last version, also of a bookmark") {
    Site site;
    site.begin_watch();
    site.go_on(event("MODIFIED", pod("a", 12)));
    site.go_on(event("BOOKMARK", R"({"metadata":{"resourceVersion":"15"}})"));
    site.pass(5s);
    site.end();
    site.step();
    CHECK(site.asks("resourceVersion=15"));
    CHECK_FALSE(site.asks("sendInitialEvents"));
    CHECK(site.error() == "");
    // A connection that breaks is no reason for a list either.
    site.answer(200, event("ADDED", pod("b", 20)));
    site.pass(5s);
    site.end(fail("connection reset"));
    site.step();
    CHECK(site.asks("resourceVersion=20"));
    CHECK(site.sink.lists.size() == 1);
}

TEST_CASE("a server without streamed lists is asked for pages") {
    for (const int code : {400, 422}) {
        Site site;
        site.step();
        site.refuse(code, refusal(code, "sendInitialEvents is forbidden"));
        CHECK(site.asks("/api/v1/pods?limit=500"));
        site.answer(200, page(pod("a", 1), 30, "token-1"));
        site.end();
        CHECK(site.sink.lists.empty());  // half a list is no list
        site.step();
        CHECK(site.asks("limit=500&continue=token-1"));
        site.answer(200, page(pod("b", 2), 30));
        site.end();
        REQUIRE(site.sink.lists.size() == 1);
        CHECK(site.sink.lists[0].objects.size() == 2);
        site.step();
        CHECK(site.asks("watch=1"));
        CHECK(site.asks("resourceVersion=30"));
    }
}

TEST_CASE("a server that sends all objects and no end does not know streamed lists") {
    Site site;
    site.step();
    site.answer(200, event("ADDED", pod("a", 1)));
    site.pass(9s);
    CHECK(site.asks("sendInitialEvents"));
    site.pass(2s);
    CHECK(site.asks_nothing());
    site.pass(2s);
    CHECK(site.asks("limit=500"));
}

TEST_CASE("a server that is away at the first try is asked for a streamed list again") {
    Site site;
    site.step();
    site.end(fail("connection refused"));
    CHECK(site.error() == "connection refused");
    CHECK(site.reflector.failing_since());
    site.pass(2s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("410 Gone: of a watch's beginning, by an event, of a page") {
    Site site;
    site.begin_watch();
    SUBCASE("of its beginning") {
        site.pass(5s);
        site.end();
        site.step();
        site.refuse(410, refusal(410, "too old"));
    }
    SUBCASE("by an event") {
        site.answer(200, event("ERROR", refusal(410, "too old")));
        site.step();
    }
    CHECK(site.asks("sendInitialEvents"));
    CHECK(site.error() == "");  // it happens, and is mended
    // Again and again: with a wait between.
    site.answer(200, end_of_initial_events(9));
    site.go_on(event("ERROR", refusal(410, "too old")));
    site.step();
    CHECK(site.asks_nothing());
    CHECK(site.error() == "too old (410)");
}

TEST_CASE("410 Gone of a page: the list begins anew, in one piece") {
    Site site;
    site.step();
    site.refuse(422, refusal(422, "no"));
    site.answer(200, page(pod("a", 1), 30, "next"));
    site.end();
    site.step();
    site.refuse(410, refusal(410, "the continue token is too old"));
    CHECK(site.asks("/api/v1/pods?"));
    CHECK_FALSE(site.asks("limit"));
    CHECK_FALSE(site.asks("continue"));
    site.answer(200, page(pod("b", 2), 31));
    site.end();
    REQUIRE(site.sink.lists.size() == 1);
    CHECK(site.sink.lists[0].objects.size() == 1);
}

TEST_CASE("429 and 503 wait as long as they say, from head or body") {
    Site site;
    site.begin_watch();
    site.pass(5s);
    site.end();
    site.step();
    SUBCASE("the header") {
        site.refuse(429, refusal(429, "later"), {429, 20s});
    }
    SUBCASE("the Status") {
        site.refuse(503, refusal(503, "later", R"(,"details":{"retryAfterSeconds":20})"));
    }
    site.pass(19s);
    CHECK(site.asks_nothing());
    site.pass(2s);
    CHECK(site.asks("resourceVersion=7"));
}

TEST_CASE("401 asks for new credentials; 403 names the right that is missing") {
    Site site;
    site.step();
    site.refuse(401, refusal(401, "Unauthorized"));
    CHECK(site.transport.renewed == 1);
    site.pass(2s);
    site.refuse(403, refusal(403, "pods is forbidden"));
    CHECK(site.error() == "not allowed to list pods; grant get, list and watch on it: pods is forbidden (403)");
    site.pass(20s);
    CHECK(site.asks_nothing());
    site.pass(20s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("what is not understood is asked for again, as a whole, and waits longer each time") {
    Site site;
    site.begin_watch();
    site.go_on("{\"type\":\"ADDED\",\"object\":{]}");
    site.step();
    CHECK(site.asks_nothing());
    CHECK(site.error().find("not JSON") != std::string::npos);
    site.pass(1s);
    CHECK(site.asks("sendInitialEvents"));
    CHECK(site.sink.lists.size() == 1);  // what was there stays
    site.end(fail("broken"));
    site.pass(700ms);
    CHECK(site.asks_nothing());
    site.pass(1s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("a list that ends in the middle is no list") {
    Site site;
    site.step();
    site.refuse(422, refusal(422, "no"));
    site.answer(200, R"({"kind":"PodList","metadata":{"resourceVersion":"3"},"items":[)" + pod("a", 1));
    site.end();
    CHECK(site.sink.lists.empty());
    CHECK(site.error() == "the text ends in the middle of an object");
}

TEST_CASE("a watch that says nothing is given up, and goes on where it stood") {
    Site site;
    site.begin_watch();
    site.pass(129s);
    CHECK(site.asks("watch=1"));
    site.pass(2s);
    site.pass(1s);
    CHECK(site.asks("resourceVersion=7"));
}

TEST_CASE("when the server answers others again, what failed on the way there does not wait") {
    Site site;
    site.begin_watch();
    for (int i = 0; i < 8; ++i) {
        site.pass(40s);
        if (!site.asks_nothing())
            site.end(fail("connection refused"));
    }
    site.pass(2s);
    REQUIRE(site.asks_nothing());
    site.reflector.hurry();
    site.pass(1s);
    CHECK(site.asks("resourceVersion=7"));
    // A refusal waits as long as it says.
    site.refuse(429, refusal(429, "later"), {429, 20s});
    site.reflector.hurry();
    site.pass(2s);
    CHECK(site.asks_nothing());
}

TEST_CASE("a doubt lists again, and the list that is under way begins anew") {
    Site site;
    site.begin_watch();
    site.reflector.doubt(3);
    site.step();
    CHECK(site.asks("sendInitialEvents"));
    site.answer(200, event("ADDED", pod("z", 50)) + end_of_initial_events(51));
    REQUIRE(site.sink.lists.size() == 2);
    CHECK(site.sink.lists[1].objects.size() == 1);
    CHECK(site.sink.questions == std::vector<uint64_t>{0, 3});
}

TEST_CASE("a policy that cannot be enforced comes with its refusal, and a stand-in") {
    FakeTransport transport;
    FakeSink sink;
    Reflector reflector({"NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", "/p"}, transport, sink, 1);
    reflector.step(Reflector::Clock::time_point(1000h));
    REQUIRE(reflector.head({200, {}}));
    REQUIRE(reflector.body(event(
        "ADDED",
        R"({"metadata":{"name":"x","namespace":"shop","resourceVersion":"1"},"spec":{"podSelector":{},"unheardOf":1}})")));
    REQUIRE(reflector.body(end_of_initial_events(2)));
    REQUIRE(sink.lists.size() == 1);
    CHECK(sink.lists[0].objects.empty());
    CHECK(sink.lists[0].stand_ins.size() == 1);
    REQUIRE(sink.lists[0].refusals.size() == 1);
    CHECK(sink.lists[0].refusals[0].object == "NetworkPolicy shop/x");
    CHECK(sink.lists[0].refusals[0].line == 0);
}
