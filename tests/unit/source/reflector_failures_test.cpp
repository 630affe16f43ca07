// SPDX-License-Identifier: Apache-2.0
// What a reflector does about everything that an API server and the way to it can fail with.
#include <doctest/doctest.h>

#include "unit/source/reflector_site.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

TEST_CASE("a server that is away at the first try is asked for a streamed list again") {
    Site site;
    site.step();
    site.end(fail("connection refused"));
    CHECK(site.error() == "connection refused");
    CHECK(site.reflector.failing_since());
    site.pass(2s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("410 Gone: of a watch's beginning, by an event") {
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

TEST_CASE("a list after a doubt that is refused: the watch goes on, and the doubt is tried again") {
    Site site;
    site.begin_watch();
    site.reflector.doubt(3);
    site.step();
    REQUIRE(site.asks("sendInitialEvents"));
    site.refuse(429, refusal(429, "later"), {429, 20s});
    CHECK(site.asks("resourceVersion=7"));
    site.answer(200, event("ADDED", pod("b", 8)));
    CHECK(site.sink.events.size() == 1);
    site.pass(19s);
    CHECK(site.asks("resourceVersion=7"));
    site.pass(2s);
    REQUIRE(site.asks("sendInitialEvents"));
    site.answer(200, end_of_initial_events(9));
    CHECK(site.sink.questions == std::vector<uint64_t>{0, 3});
}

TEST_CASE("a doubt does not interrupt a list, which answers no later question") {
    Site site;
    site.step();
    site.answer(200, event("ADDED", pod("a", 5)));
    site.reflector.doubt(3);
    site.step();
    site.go_on(end_of_initial_events(7));
    CHECK(site.sink.questions == std::vector<uint64_t>{0});
    site.step();
    REQUIRE(site.asks("sendInitialEvents"));
    site.answer(200, end_of_initial_events(8));
    CHECK(site.sink.questions == std::vector<uint64_t>{0, 3});
}

TEST_CASE("nobody is asked to wait for a year") {
    Site site;
    site.step();
    site.refuse(503, refusal(503, "later"), {503, 31536000s});
    site.pass(121s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("a watch that gets no answer at all is given up, with its connection") {
    Site site;
    site.begin_watch();
    site.pass(5s);
    site.end();
    site.step();
    site.pass(14s);
    CHECK(site.asks("resourceVersion=7"));
    CHECK(site.transport.left == 0);
    site.pass(2s);
    CHECK(site.transport.left == 1);
    CHECK(site.error() == "nothing came for 15 s");
}

TEST_CASE("what is not understood late in a watch waits, too") {
    Site site;
    site.begin_watch();
    site.pass(50s);
    site.go_on("{\"type\":\"ADDED\",\"object\":{]}");
    site.step();
    CHECK(site.asks_nothing());
    site.pass(1s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("a watch that is refused again and again begins with a list") {
    Site site;
    site.begin_watch();
    site.pass(5s);
    site.end();
    for (int i = 0; i < 3; ++i) {
        site.pass(40s);
        REQUIRE(site.asks("resourceVersion=7"));
        site.refuse(500, refusal(500, "no"));
    }
    site.pass(40s);
    CHECK(site.asks("sendInitialEvents"));
}

TEST_CASE("bookmarks before the end of a list: the server does not know streamed lists") {
    Site site;
    site.step();
    site.answer(200, event("ADDED", pod("a", 5)) + event("BOOKMARK", R"({"metadata":{"resourceVersion":"15"}})"));
    CHECK(site.sink.lists.empty());
    site.pass(2s);
    CHECK(site.asks("limit=500"));
}

TEST_CASE("an answer that is no list of the kind is none") {
    for (const char* body : {R"({"kind":"ServiceList","metadata":{"resourceVersion":"3"},"items":[]})",
                             R"({"kind":"PodList","metadata":{"resourceVersion":"3"}})",
                             R"({"kind":"PodList","metadata":{"resourceVersion":"3"},"items":{}})",
                             R"({"kind":"PodList","metadata":{},"items":[]})"}) {
        Site site;
        site.step();
        site.refuse(422, refusal(422, "no"));
        site.answer(200, body);
        site.end();
        CAPTURE(body);
        CHECK(site.sink.lists.empty());
        CHECK(site.error() == "read what the API server sent of pods: not a PodList");
    }
}

TEST_CASE("whatever JSON may hold in an annotation, the list is read") {
    Site site;
    site.step();
    site.answer(200, event("ADDED", pod("a", 5, ",\"annotations\":{\"a\":\"\x7f\xc2\x80\xef\xbf\xbf\"}")) +
                         end_of_initial_events(7));
    REQUIRE_MESSAGE(site.sink.lists.size() == 1, site.error());
    CHECK(site.sink.lists[0].objects.size() == 1);
}

TEST_CASE("a watch that is accepted and ended at once by an error goes on failing, and begins with a list") {
    Site site;
    site.begin_watch();
    site.pass(5s);
    site.end();
    site.step();
    for (int i = 0; i < 3; ++i) {
        REQUIRE(site.asks("resourceVersion=7"));
        site.answer(200, event("ERROR", refusal(500, "no")));
        REQUIRE(site.reflector.failing_since());
        CHECK(site.now - *site.reflector.failing_since() >= i * 40s);
        site.pass(40s);
    }
    REQUIRE(site.asks("sendInitialEvents"));
    site.answer(200, end_of_initial_events(9));
    CHECK_FALSE(site.reflector.failing_since());
}

TEST_CASE("a watch that goes on is in order, though nothing happens") {
    Site site;
    site.begin_watch();
    site.pass(5s);
    site.end();
    site.step();
    site.refuse(503, refusal(503, "later"));
    site.pass(2s);
    site.answer(200, "");
    CHECK(site.reflector.failing_since());
    site.pass(1s);
    CHECK_FALSE(site.reflector.failing_since());
    CHECK(site.error() == "");
}
