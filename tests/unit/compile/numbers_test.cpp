// SPDX-License-Identifier: Apache-2.0
// Pools of numbers and pages, and the registry of decisions: nothing is used again while a packet may know it.
#include <catflap/abi.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "compile/tables/decision.h"
#include "compile/plan/pool.h"

using namespace catflap;
using namespace catflap::compile;

namespace {

DecisionKey rule(uint32_t index) {
    return {false, resolve::Direction::ingress, {{"a", "p"}}, index, 0};
}

}  // namespace

TEST_CASE("a retired number comes back after the grace period, not before") {
    NumberPool pool(1, 3);
    CHECK(pool.take() == 1U);
    CHECK(pool.take() == 2U);
    CHECK_FALSE(pool.take());
    pool.retire(1);
    CHECK_FALSE(pool.take());
    pool.after_grace_period();
    CHECK(pool.take() == 1U);
    CHECK_FALSE(pool.take());
}

TEST_CASE("a reserved number is given to nobody else, the ones before it are") {
    NumberPool pool(0, 4);
    pool.reserve(2);
    std::vector<uint32_t> taken;
    while (const auto number = pool.take())
        taken.push_back(*number);
    CHECK(taken.size() == 3);
    CHECK(std::ranges::find(taken, 2U) == taken.end());
    pool.retire(2);
    pool.after_grace_period();
    pool.reserve(2);
    CHECK_FALSE(pool.take());
}

TEST_CASE("a pool with many numbers in their grace period asks for its end") {
    NumberPool pool(0, 8);
    for (uint32_t i = 0; i < 3; ++i) {
        CHECK_FALSE(pool.short_of_numbers(4));
        pool.retire(*pool.take());
    }
    CHECK(pool.short_of_numbers(4));
    CHECK_FALSE(pool.short_of_numbers(2));
    pool.after_grace_period();
    CHECK_FALSE(pool.short_of_numbers(4));
}

TEST_CASE("pages come in runs, and a run comes back whole") {
    PagePool pool(8);
    CHECK(pool.take(3) == 0U);
    CHECK(pool.take(2) == 3U);
    CHECK(pool.take(2) == 5U);
    CHECK_FALSE(pool.take(2));
    pool.retire(3, 2);
    CHECK_FALSE(pool.take(2));
    CHECK(pool.free_pages() == 1);
    CHECK(pool.short_of_pages(4));
    pool.after_grace_period();
    CHECK_FALSE(pool.take(3));  // 3 are free, but not side by side
    CHECK(pool.take(2) == 3U);
    CHECK(pool.take(1) == 7U);
    CHECK(pool.free_pages() == 0);
}

TEST_CASE("a decision keeps its number; a released number is another's") {
    DecisionRegistry registry;
    const uint32_t first = registry.number(rule(0)).value();
    CHECK(first != CATFLAP_RULE_NONE);
    CHECK(registry.number(rule(0)).value() == first);
    const uint32_t second = registry.number(rule(1)).value();
    CHECK(second != first);
    registry.release(rule(0));
    CHECK(registry.number(rule(2)).value() == first);
    CHECK(registry.number(rule(1)).value() == second);
}

TEST_CASE("decisions differ by rule, content, direction, and by what isolates") {
    DecisionRegistry registry;
    DecisionKey edited = rule(0);
    edited.rule_hash = 1;
    DecisionKey egress = rule(0);
    egress.direction = resolve::Direction::egress;
    DecisionKey fallback = rule(0);
    fallback.is_default = true;
    std::set<uint32_t> numbers;
    for (const DecisionKey& key : {rule(0), rule(1), edited, egress, fallback})
        numbers.insert(registry.number(key).value());
    CHECK(numbers.size() == 5);
}

TEST_CASE("adopted decisions keep the numbers under which they were counted") {
    DecisionRegistry registry;
    registry.adopt(2, rule(7));
    CHECK(registry.number(rule(7)).value() == 2);
    CHECK(registry.number(rule(1)).value() == 1);
    CHECK(registry.number(rule(3)).value() == 3);
}

TEST_CASE("more decisions than counters are refused by name") {
    DecisionRegistry registry(4096);
    for (uint32_t i = 1; i < 4096; ++i)
        REQUIRE(registry.number(rule(i)));
    const auto refused = registry.number(rule(0));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("a/p") != std::string::npos);
    CHECK(registry.number(rule(5)));
}
