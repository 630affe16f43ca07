// SPDX-License-Identifier: Apache-2.0
#include "report/page.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

using namespace catflap;
using namespace catflap::report;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr PageLimits kNoClock{.rows = 512, .bytes = 256 << 10, .time = std::chrono::hours(1)};

std::string refusal_of(const json& request) {
    const auto query = parse_query(request);
    return query ? "" : query.error().message;
}

}  // namespace

TEST_CASE("a request: what it may hold, and what is wrong with others") {
    const auto query =
        parse_query({{"kind", "flows"}, {"names", {"a/b"}}, {"endpoint", "cali1"}, {"limit", 7}, {"after", "[1,2]"}});
    REQUIRE(query.has_value());
    CHECK(query->kind == Kind::flows);
    CHECK(query->names == std::vector<std::string>{"a/b"});
    CHECK(query->endpoint == "cali1");
    CHECK(query->limit == 7);
    CHECK(query->after == "[1,2]");
    CHECK(query->members);
    CHECK(refusal_of({{"kind", "flow"}}) == "there is no kind \"flow\"");
    CHECK(refusal_of(json::object()) == "there is no kind \"\"");
    CHECK(refusal_of({{"kind", "flows"}, {"limit", -1}}) == "limit -1 is not a number of rows");
    CHECK(refusal_of({{"kind", "flows"}, {"limit", "all"}}) == "limit \"all\" is not a number of rows");
    CHECK(refusal_of({{"kind", "drops"}, {"endpoint", "cali1"}}) == "drops are not of an endpoint: ask without one");
    CHECK(refusal_of({{"kind", "flows"}, {"names", std::vector<std::string>(1001, "x")}}).starts_with("1001 names"));
}

TEST_CASE("a page ends at its rows, at its bytes, and at its time") {
    Page rows({.limit = 3}, kNoClock);
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(rows.full());
        rows.add(DropRow{std::to_string(i), "", {}});
    }
    CHECK(rows.full());
    CHECK(rows.room() == 0);

    Page bytes({}, kNoClock);
    bytes.add(DropRow{std::string(255 << 10, 'x'), "", {}});
    CHECK_FALSE(bytes.full());
    bytes.add(DropRow{std::string(1 << 10, 'x'), "", {}});
    CHECK(bytes.full());

    Page time({}, {.rows = 512, .bytes = 1 << 20, .time = 1ms});
    std::this_thread::sleep_for(2ms);
    CHECK(time.full());

    // A client cannot ask for more than a page holds.
    CHECK(Page({.limit = 1'000'000}, kNoClock).room() == 512);
}

TEST_CASE("the answer: items, and the cursor where there may be more") {
    Page last({}, kNoClock);
    last.add(DropRow{"a", "b", {1, 2}});
    CHECK(std::move(last).answer() ==
          json{{"ok", true}, {"items", {{{"reason", "a"}, {"sentence", "b"}, {"packets", 1}, {"bytes", 2}}}}});
    Page more({}, kNoClock);
    more.continue_at({uint64_t{7}, "shop"});
    CHECK(std::move(more).answer() == json{{"ok", true}, {"items", json::array()}, {"next", "[7,\"shop\"]"}});
}

TEST_CASE("a cursor comes back as it was given, and another kind's is refused") {
    CHECK_FALSE(Page({}).cursor("nt").value().has_value());
    const auto cursor = Page({.after = "[7,\"shop\"]"}).cursor("nt");
    REQUIRE(cursor);
    CHECK((*cursor)->number(0) == 7);
    CHECK((*cursor)->text(1) == "shop");
    for (const char* types : {"n", "nn", "tt", "ntn", ""}) {
        CAPTURE(types);
        CHECK_FALSE(Page({.after = "[7,\"shop\"]"}).cursor(types));
    }
    for (const char* text : {"x", "{}", "[-1,\"shop\"]", "[7.5,\"shop\"]", "[null,\"shop\"]", "7"}) {
        CAPTURE(text);
        const auto refused = Page({.kind = Kind::sets, .after = text}).cursor("nt");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message == fmt::format("the cursor \"{}\" is none of sets", text));
    }
}

TEST_CASE("names: by ns/name, by name, by another name; and which were met") {
    Page page({.names = {"shop/web", "db", "cali1", "nobody"}}, kNoClock);
    CHECK(page.wants("shop", "web"));
    CHECK_FALSE(page.wants("other", "web"));
    CHECK(page.wants("other", "db"));
    CHECK(page.wants("x", "y", "cali1"));
    CHECK_FALSE(page.wants("", ""));
    const json answer = std::move(page).answer();
    auto found = answer["found"].get<std::vector<std::string>>();
    std::ranges::sort(found);
    CHECK(found == std::vector<std::string>{"cali1", "db", "shop/web"});
    CHECK(Page({}, kNoClock).wants("any", "thing"));
}

TEST_CASE("an endpoint: by interface, pod, or ns/pod") {
    for (const char* name : {"cali1", "web", "shop/web", ""})
        CHECK(Page({.endpoint = name}, kNoClock).of_endpoint("shop", "web", "cali1"));
    CHECK_FALSE(Page({.endpoint = "other/web"}, kNoClock).of_endpoint("shop", "web", "cali1"));
    CHECK_FALSE(Page({.endpoint = "/"}, kNoClock).of_endpoint("", "", "cali1"));
}

TEST_CASE("the list of kinds names each once") {
    for (const KindInfo& info : kKinds) {
        CHECK(kind_named(info.name) == info.kind);
        CHECK(info_of(info.kind).name == info.name);
    }
    CHECK_FALSE(kind_named("pods"));
}
