// SPDX-License-Identifier: Apache-2.0
// Port classes, and the cells where address classes and port classes meet.
#include "compile/tables/table.h"

#include <doctest/doctest.h>

#include "compile/classes/ports.h"

using namespace catflap;
using namespace catflap::compile;
using resolve::PortRange;

namespace {

const PortRange kWeb{Protocol::tcp, 80, 80};
const PortRange kLow{Protocol::tcp, 0, 1023};

std::vector<PortSegment> of_protocol(const std::vector<PortSegment>& all, Protocol protocol) {
    std::vector<PortSegment> segments;
    for (const PortSegment& segment : all)
        if (segment.protocol == protocol)
            segments.push_back(segment);
    return segments;
}

resolve::Rule rule(bool any_peer, bool any_port, resolve::Action action = resolve::Action::allow) {
    resolve::Rule result;
    result.policy = {"a", "p"};
    result.any_peer = any_peer;
    result.any_port = any_port;
    result.action = action;
    return result;
}

// Rule i is decision i + 1, the default 99.
Table table_of(std::vector<resolve::Rule> rules) {
    Table table;
    auto policy = std::make_shared<resolve::DirectionPolicy>();
    policy->policies = {{"a", "p"}};
    policy->rules = std::move(rules);
    policy->tiers = {{resolve::kDefaultTier, 1, policy->rules.size(), resolve::Action::deny}};
    table.policy = policy;
    for (uint32_t i = 0; i < policy->rules.size(); ++i)
        table.decisions.push_back(i + 1);
    table.end_decisions = {99};
    return table;
}

RuleMask mask(const Table& table, const std::vector<size_t>& rules) {
    RuleMask result = empty_mask(*table.policy);
    for (const size_t one : rules)
        set_rule(result, one);
    return result;
}

uint32_t cell(const Table& table, uint32_t class_number, uint32_t port_class) {
    return table.cells.at(table.rows.at(class_number) * table.column_count + table.columns.at(port_class));
}

}  // namespace

TEST_CASE("segments have no gaps, and each knows the ranges that hold it") {
    const auto tcp = of_protocol(classify_ports({kWeb, kLow, {Protocol::udp, 53, 53}}), Protocol::tcp);
    REQUIRE(tcp.size() == 4);
    CHECK(tcp[0].first == 0);
    for (size_t i = 1; i < tcp.size(); ++i)
        CHECK(tcp[i].first == tcp[i - 1].last + 1);
    CHECK(tcp.back().last == 65535);
    CHECK(tcp[1].port_class.ranges == std::vector{kLow, kWeb});
    CHECK(tcp[0].port_class == tcp[2].port_class);
    CHECK(tcp[3].port_class.ranges.empty());
}

TEST_CASE("the last port, port 0, and ranges side by side") {
    const PortRange first{Protocol::sctp, 0, 0};
    const PortRange next{Protocol::sctp, 1, 2};
    const PortRange last{Protocol::sctp, 65535, 65535};
    const auto sctp = of_protocol(classify_ports({first, next, last}), Protocol::sctp);
    REQUIRE(sctp.size() == 4);
    CHECK(sctp[0].port_class.ranges == std::vector{first});
    CHECK(sctp[1].port_class.ranges == std::vector{next});
    CHECK(sctp[2].port_class.ranges.empty());
    CHECK(sctp[3].port_class.ranges == std::vector{last});
}

TEST_CASE("a port without a rule is another class in each protocol, and none is class 0") {
    for (const PortSegment& segment : classify_ports({})) {
        CHECK(segment.first == 0);
        CHECK(segment.last == 65535);
        CHECK(segment.port_class != PortClass{});
    }
}

TEST_CASE("a rule is in the cell where its peers and its ports meet") {
    Table table = table_of({rule(false, false), rule(false, true), rule(true, false)});
    REQUIRE(fill(table, {{1, mask(table, {0})}, {2, mask(table, {1})}}, {{5, mask(table, {0, 2})}}, {3, 6}));
    CHECK(cell(table, 1, 5) == (1 | CATFLAP_CELL_ALLOW));
    CHECK(cell(table, 1, 0) == 99);
    CHECK(cell(table, 2, 0) == (2 | CATFLAP_CELL_ALLOW));  // any port: also what has none
    CHECK(cell(table, 2, 5) == (2 | CATFLAP_CELL_ALLOW));
    CHECK(cell(table, 0, 5) == (3 | CATFLAP_CELL_ALLOW));  // any peer
    CHECK(cell(table, 0, 4) == 99);
}

TEST_CASE("the first rule decides, also a deny, also beyond 64 rules") {
    std::vector<resolve::Rule> rules(70, rule(false, true));
    rules.push_back(rule(false, true, resolve::Action::deny));
    rules.push_back(rule(true, true));
    Table table = table_of(rules);
    REQUIRE(fill(table, {{1, mask(table, {70})}, {2, mask(table, {65, 70})}}, {}, {3, 1}));
    CHECK(cell(table, 0, 0) == (72 | CATFLAP_CELL_ALLOW));
    CHECK(cell(table, 1, 0) == 71);
    CHECK(cell(table, 2, 0) == (66 | CATFLAP_CELL_ALLOW));
}

TEST_CASE("a pass skips the rest of its tier, and the end of a tier decides where it denies") {
    using resolve::Action;
    // Tier one: pass, deny. Tier two: allow, and an end that denies.
    Table table = table_of({rule(false, true, Action::pass), rule(false, true, Action::deny), rule(false, true)});
    auto policy = std::make_shared<resolve::DirectionPolicy>(*table.policy);
    policy->policies = {{"a", "p"}, {"a", "q"}};
    policy->tiers = {{"one", 1, 2, Action::pass}, {"two", 2, 3, Action::deny}};
    table.policy = policy;
    table.end_decisions = {CATFLAP_RULE_NONE, 99};
    REQUIRE(fill(table, {{1, mask(table, {0, 1, 2})}, {2, mask(table, {1, 2})}, {3, mask(table, {0, 1})}}, {}, {4, 1}));
    CHECK(cell(table, 0, 0) == 99);
    CHECK(cell(table, 1, 0) == (3 | CATFLAP_CELL_ALLOW));
    CHECK(cell(table, 2, 0) == 2);
    CHECK(cell(table, 3, 0) == 99);
    const RuleJudge judge(*policy);
    CHECK(judge.refusal() == end_of_tier(1));
}

TEST_CASE("what no tier decides passes, and is nobody's") {
    using resolve::Action;
    Table table = table_of({rule(false, true, Action::deny)});
    auto policy = std::make_shared<resolve::DirectionPolicy>(*table.policy);
    policy->tiers = {{"one", 1, 1, Action::pass}};
    table.policy = policy;
    table.end_decisions = {CATFLAP_RULE_NONE};
    REQUIRE(fill(table, {{1, mask(table, {0})}}, {}, {2, 1}));
    CHECK(cell(table, 0, 0) == (CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE));
    CHECK(cell(table, 1, 0) == 1);
    // Where nothing is known of a destination, the only one that drops.
    CHECK(RuleJudge(*policy).refusal() == 0);
}

TEST_CASE("rules of a tier are found on both sides of a word's end") {
    using resolve::Action;
    std::vector<resolve::Rule> rules(63, rule(false, true, Action::deny));
    rules.push_back(rule(false, true, Action::pass));  // 63: the last one of tier one
    rules.push_back(rule(false, true));                // 64: tier two
    Table table = table_of(rules);
    auto policy = std::make_shared<resolve::DirectionPolicy>(*table.policy);
    policy->tiers = {{"one", 1, 64, Action::pass}, {"two", 1, 65, Action::deny}};
    table.policy = policy;
    table.end_decisions = {CATFLAP_RULE_NONE, 99};
    REQUIRE(
        fill(table, {{1, mask(table, {63, 64})}, {2, mask(table, {62, 63, 64})}, {3, mask(table, {63})}}, {}, {4, 1}));
    CHECK(cell(table, 1, 0) == (65 | CATFLAP_CELL_ALLOW));
    CHECK(cell(table, 2, 0) == 63);
    CHECK(cell(table, 3, 0) == 99);
}

TEST_CASE("classes that the rules do not tell apart share a row; the rest of a page is nobody's") {
    Table table = table_of({rule(false, true)});
    REQUIRE(fill(table, {{1, mask(table, {0})}, {CATFLAP_PAGE_U16, mask(table, {0})}}, {}, {CATFLAP_PAGE_U16 + 1, 1}));
    CHECK(table.rows[1] == table.rows[CATFLAP_PAGE_U16]);
    CHECK(table.row_of.size() == 2);
    CHECK(table.rows.size() == 2 * CATFLAP_PAGE_U16);
    CHECK(table.rows_pages() == 2);
    CHECK(table.columns_pages() == 1);
    CHECK(cell(table, 2 * CATFLAP_PAGE_U16 - 1, 0) == 99);
    const catflap_table descriptor = table.descriptor();
    CHECK(descriptor.class_count == table.rows.size());
    CHECK(descriptor.cell_count == table.row_of.size() * descriptor.column_count);
}

TEST_CASE("without policies a table is open, and has no pages") {
    Table table;
    table.policy = std::make_shared<resolve::DirectionPolicy>();
    CHECK(table.open());
    CHECK(table.descriptor().open == 1);
    CHECK(table.rows_pages() + table.columns_pages() + table.cells_pages() == 0);
}
