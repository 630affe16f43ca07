// SPDX-License-Identifier: Apache-2.0
// What a reflector does about a server whose events are out of place: old, of another kind, or not whole.
#include <doctest/doctest.h>

#include "unit/source/reflector_site.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

TEST_CASE("an event that is older than what was heard is not taken: everything is asked for again") {
    Site site;
    site.begin_watch();
    site.go_on(event("ADDED", pod("b", 12)));
    REQUIRE(site.sink.events.size() == 1);
    site.go_on(event("MODIFIED", pod("b", 12)));  // twice: it changes nothing
    CHECK(site.sink.events.size() == 2);
    SUBCASE("an earlier version of an object") {
        site.go_on(event("MODIFIED", pod("a", 9)));
    }
    SUBCASE("an object's end that was before its last beginning") {
        site.go_on(event("DELETED", pod("b", 9)));
    }
    CHECK(site.sink.events.size() == 2);
    CHECK(site.error() == "the server sent an event of version 9 after 12");
    site.step();
    CHECK(site.asks_nothing());
    site.pass(1s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("a list begins with objects of any version, and a bookmark does not lead back") {
    Site site;
    site.step();
    site.answer(200, event("ADDED", pod("a", 5)) + event("ADDED", pod("b", 3)) + end_of_initial_events(7));
    REQUIRE(site.sink.lists.size() == 1);
    site.go_on(event("BOOKMARK", R"({"metadata":{"resourceVersion":"6"}})"));
    site.pass(5s);
    site.end();
    site.step();
    CHECK(site.asks("resourceVersion=7"));
}

TEST_CASE("versions that are no numbers have no order") {
    Site site;
    site.begin_watch();
    for (const char* version : {"b-2", "a-1", "3"})
        site.go_on(event("ADDED", fmt::format(R"({{"metadata":{{"name":"b","resourceVersion":"{}"}}}})", version)));
    CHECK(site.sink.events.size() == 3);
}

TEST_CASE("another kind's object is not taken for one of this kind, which could have its name") {
    Site site;
    const std::string stranger =
        R"({"kind":"Service","metadata":{"name":"a","namespace":"shop","resourceVersion":"9"}})";
    SUBCASE("by a watch") {
        site.begin_watch();
        for (const char* type : {"MODIFIED", "DELETED"}) {
            site.go_on(event(type, stranger));
            CHECK(site.sink.events.empty());
            CHECK(site.error() == "read what the API server sent of pods: an object of kind Service");
            site.pass(10s);
            REQUIRE(site.asks("sendInitialEvents"));
            site.answer(200, end_of_initial_events(9));
        }
    }
    SUBCASE("in a list") {
        site.step();
        site.refuse(422, refusal(422, "no"));
        site.answer(200, page(stranger, 3));
        CHECK(site.sink.lists.empty());
        CHECK(site.error() == "read what the API server sent of pods: an object of kind Service");
    }
}

TEST_CASE("a watch of which bytes were lost does not go on for ever with the rest of one event") {
    Site site;
    site.begin_watch();
    site.pass(100s);
    site.go_on("{\"type\":\"ADDED\",\"object\":{\n");
    for (int i = 0; i < 2; ++i) {
        site.pass(29s);
        site.go_on(event("ADDED", pod("b", 9 + i)));
        CHECK(site.sink.events.empty());
    }
    CHECK(site.asks("sendInitialEvents"));  // still the first request, which goes on as a watch
    site.pass(2s);
    CHECK(site.error() == "an event is not complete after 60 s");
    CHECK(site.transport.left == 1);
    CHECK(site.asks_nothing());
    site.pass(1s);
    CHECK(site.asks("sendInitialEvents"));
    CHECK(site.sink.lists.size() == 1);
}

TEST_CASE("while nobody takes what has come, half an event is not the server's fault") {
    Site site;
    site.begin_watch();
    site.go_on("{\"type\":\"ADDED\",\"object\":");
    for (int i = 0; i < 10; ++i) {
        site.now += 10s;
        site.reflector.hold(site.now);
    }
    site.step();
    CHECK(site.error().empty());
    site.go_on(pod("b", 9) + "}");
    CHECK(site.sink.events.size() == 1);
}
