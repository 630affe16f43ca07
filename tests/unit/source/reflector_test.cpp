// SPDX-License-Identifier: Apache-2.0
// What a reflector asks for next, and what it makes of lists and watches.
#include <doctest/doctest.h>

#include "unit/source/reflector_site.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

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
