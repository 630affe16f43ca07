// SPDX-License-Identifier: Apache-2.0
// A kind that comes with a CustomResourceDefinition, and that the server may not know.
#include <doctest/doctest.h>

#include "unit/source/reflector_site.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

namespace {

constexpr Resource kOptional{"Pod", "v1", "pods", "/api/v1/pods", false, true};

struct OptionalSite : Site {
    Reflector optional{kOptional, transport, sink, 1};

    void step_optional() { optional.step(now); }
    void pass_optional(std::chrono::milliseconds time) {
        now += time;
        optional.tick(now);
        step_optional();
    }
    void not_found() {
        REQUIRE_FALSE(transport.target.empty());
        transport.target.clear();
        ResponseHead head;
        head.status = 404;
        REQUIRE(optional.head(head));
        REQUIRE(optional.body(refusal(404, "the server could not find the requested resource")));
        optional.end({});
    }
};

}  // namespace

TEST_CASE("404 is the answer that the kind is not installed: an empty list, no error, asked again now and then") {
    OptionalSite site;
    site.step_optional();
    site.not_found();
    REQUIRE(site.sink.lists.size() == 1);
    CHECK(site.sink.lists[0].objects.empty());
    CHECK_FALSE(site.sink.lists[0].empty);
    CHECK(site.optional.status().absent);
    CHECK(site.optional.status().synced);
    CHECK(site.optional.status().error.empty());
    CHECK_FALSE(site.optional.failing_since());
    site.step_optional();
    CHECK(site.asks_nothing());
    site.pass_optional(30s);
    CHECK(site.asks_nothing());
    site.pass_optional(100s);
    CHECK(site.asks("/api/v1/pods"));
    site.not_found();
    CHECK(site.sink.lists.size() == 1);  // nothing new
}

TEST_CASE("a kind that is installed later is listed") {
    OptionalSite site;
    site.step_optional();
    site.not_found();
    site.pass_optional(130s);
    REQUIRE(site.asks("sendInitialEvents"));
    ResponseHead head;
    head.status = 200;
    REQUIRE(site.optional.head(head));
    REQUIRE(site.optional.body(event("ADDED", pod("a", 5)) + end_of_initial_events(5)));
    REQUIRE(site.sink.lists.size() == 2);
    CHECK(site.sink.lists[1].objects.size() == 1);
    CHECK_FALSE(site.optional.status().absent);
}

TEST_CASE("whoever asks for all of it is not kept waiting by an absence") {
    OptionalSite site;
    site.step_optional();
    site.not_found();
    site.optional.doubt(7);
    site.step_optional();
    CHECK(site.asks("/api/v1/pods"));
    site.not_found();
    REQUIRE(site.sink.questions.size() == 2);
    CHECK(site.sink.questions[1] == 7);
}

TEST_CASE("a server that has forgotten a kind with objects is believed when it says so again and again") {
    OptionalSite site;
    site.step_optional();
    ResponseHead head;
    head.status = 200;
    REQUIRE(site.optional.head(head));
    REQUIRE(site.optional.body(event("ADDED", pod("a", 5)) + end_of_initial_events(5)));
    REQUIRE(site.sink.lists.size() == 1);
    site.optional.doubt();
    site.step_optional();
    for (int i = 0; i < 2; ++i) {
        site.not_found();
        CHECK(site.sink.lists.size() == 1);
        CHECK_FALSE(site.optional.status().error.empty());
        site.pass_optional(150s);
    }
    site.not_found();
    REQUIRE(site.sink.lists.size() == 2);
    CHECK(site.sink.lists[1].objects.empty());
    CHECK(site.optional.status().absent);
}

TEST_CASE("a kind that is always there is not believed to be absent") {
    Site site;
    site.step();
    site.refuse(404, refusal(404, "not found"));
    CHECK(site.sink.lists.empty());
    CHECK_FALSE(site.error().empty());
}
