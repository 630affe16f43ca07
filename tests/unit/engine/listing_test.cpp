// SPDX-License-Identifier: Apache-2.0
// Lists in pages: every item once, whatever a page holds, and also while items come and go between two pages.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <optional>

#include "engine/lists.h"
#include "source/directory/directory.h"
#include "support/agent/source_site.h"

using namespace catflap;
using namespace catflap::engine;
using nlohmann::json;
using resolve::Direction;

namespace {

constexpr auto kHour = std::chrono::hours(1);

class Site : public test::SourceSite {
  public:
    void open() { source_.emplace(source::Directory::open(directory()).value()); }
    void refresh() { REQUIRE(source_->refresh().has_value()); }
    [[nodiscard]] View view() { return {source_->cluster(), endpoints, pods, resolved, index_, commit, {}}; }

    std::vector<compile::EndpointSpec> endpoints;
    std::vector<ObjectName> pods;
    resolve::Resolved resolved;
    uint64_t commit = 0;

  private:
    std::optional<source::Directory> source_;
    ListingIndex index_;
};

std::string policy(int number, const std::string& spec = "{podSelector: {}}") {
    return fmt::format(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{:04}, namespace: shop}}\nspec: {}\n",
        number, spec);
}

CountedByDirection nothing(const PolicyName&) {
    return {};
}

// All pages of a list, `rows` rows each; between(page) is called between two.
template <class List, class Between>
std::vector<json> all_pages(report::Query query, size_t rows, List list, Between between) {
    std::vector<json> items;
    for (size_t pages = 0; pages < 10'000; ++pages) {
        report::Page page(query, {.rows = rows, .bytes = 1 << 30, .time = kHour});
        const auto done = list(page);
        REQUIRE(done.has_value());
        json answer = std::move(page).answer();
        CHECK(answer["items"].size() <= rows);
        for (json& item : answer["items"])
            items.push_back(std::move(item));
        query.after = answer.value("next", "");
        if (query.after.empty())
            return items;
        between(pages);
    }
    FAIL("the list does not end");
    return items;
}

}  // namespace

TEST_CASE("policies: each once, in pages of any size") {
    Site site;
    for (int i = 0; i < 50; ++i)
        site.put(fmt::format("{}.yaml", i), policy(i));
    site.open();
    for (const size_t rows : {1U, 7U, 50U, 500U}) {
        const auto items = all_pages(
            {.kind = report::Kind::policies}, rows,
            [&](report::Page& page) { return list_policies(site.view(), page, nothing); }, [](size_t) {});
        REQUIRE(items.size() == 50);
        for (size_t i = 0; i < items.size(); ++i)
            CHECK(items[i]["name"] == fmt::format("p{:04}", i));
    }
}

TEST_CASE("policies: where some come and go between pages, the others are listed once all the same") {
    Site site;
    for (int i = 0; i < 20; ++i)
        site.put(fmt::format("{}.yaml", i), policy(i));
    site.open();
    const auto items = all_pages(
        {.kind = report::Kind::policies}, 5,
        [&](report::Page& page) { return list_policies(site.view(), page, nothing); },
        [&](size_t page) {
            if (page > 0)
                return;
            site.remove("4.yaml");  // where the cursor stands
            site.remove("6.yaml");
            site.put("new.yaml", policy(100));
            site.refresh();
        });
    std::vector<std::string> names;
    for (const json& item : items)
        names.push_back(item["name"]);
    std::vector<std::string> expected;
    for (int i = 0; i < 20; ++i)
        if (i != 6)
            expected.push_back(fmt::format("p{:04}", i));
    expected.push_back("p0100");
    CHECK(names == expected);
}

TEST_CASE("a cursor that is none is refused, and loops nowhere") {
    Site site;
    site.put("0.yaml", policy(0));
    site.open();
    for (const char* cursor : {"x", "{}", "[1]", "[1,2,3]"}) {
        report::Page page({.kind = report::Kind::policies, .after = cursor});
        const auto done = list_policies(site.view(), page, nothing);
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().message == fmt::format("the cursor \"{}\" is none of policies", cursor));
    }
}

TEST_CASE("rules: each once with the endpoints of all tables that it stands in, and by endpoint") {
    Site site;
    site.open();
    const auto rule = [](const std::string& name, uint32_t index) {
        resolve::Rule result;
        result.policy = {"shop", name};
        result.index = index;
        result.any_peer = true;
        return result;
    };
    resolve::DirectionPolicy one{Direction::ingress, {{"shop", "a"}}, {rule("a", 0), rule("a", 1)}, {}};
    resolve::DirectionPolicy both{
        Direction::ingress, {{"shop", "a"}, {"shop", "b"}}, {rule("a", 0), rule("a", 1), rule("b", 0)}, {}};
    resolve::DirectionPolicy open{Direction::egress, {}, {}, {}};
    for (const auto& table : {one, both, open})
        site.resolved.policies.push_back(std::make_shared<const resolve::DirectionPolicy>(table));
    site.resolved.endpoints = {{{"shop", "p"}, {2, 0}}, {{"shop", "q"}, {2, 1}}, {{"shop", "r"}, {2, 1}}};
    for (uint32_t i = 1; const char* pod : {"p", "q", "r"}) {
        compile::EndpointSpec spec;
        spec.ifindex = i;
        spec.interface = fmt::format("cali{}", i++);
        spec.pod = ObjectName{"shop", pod};
        site.endpoints.push_back(spec);
    }
    site.commit = 1;
    const auto list = [&](report::Page& page) {
        return list_rules(site.view(), page, [](Direction, const resolve::Rule& one_rule) {
            return Counted{one_rule.index + 1, 0};
        });
    };
    for (const size_t rows : {1U, 2U, 10U}) {
        const auto items = all_pages({.kind = report::Kind::rules}, rows, list, [](size_t) {});
        REQUIRE(items.size() == 3);
        CHECK(items[0]["policy"] == "a");
        CHECK(items[0]["endpoints"] == 3);
        CHECK(items[1]["index"] == 1);
        CHECK(items[1]["allowedPackets"] == 2);
        CHECK(items[2]["policy"] == "b");
        CHECK(items[2]["endpoints"] == 2);
        CHECK(items[2]["peers"] == json::array({"everyone"}));
    }
    CHECK(all_pages({.kind = report::Kind::rules, .endpoint = "shop/p"}, 10, list, [](size_t) {}).size() == 2);
    CHECK(all_pages({.kind = report::Kind::rules, .endpoint = "cali2"}, 10, list, [](size_t) {}).size() == 3);
    CHECK(all_pages({.kind = report::Kind::rules, .names = {"shop/b"}}, 10, list, [](size_t) {}).size() == 1);
}

TEST_CASE("a set of very many blocks is short in words, and says how many it leaves out") {
    resolve::SourceSet set;
    for (uint8_t i = 0; i < 100; ++i)
        set.blocks.push_back({Prefix(parse_address(fmt::format("10.{}.0.0", i)).value(), 112), {}});
    CHECK(brief(set).size() < 1000);
    CHECK(brief(set).ends_with(" and 84 CIDRs more"));
    set.blocks.resize(3);
    CHECK(brief(set) == to_string(set));
}
