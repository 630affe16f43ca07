// SPDX-License-Identifier: Apache-2.0
// Every row of rows/*.yaml through every executor. To look at one of them:
//   CATFLAP_ROWS=ports.yaml:40 or ports.yaml, or a part of a case's name; CATFLAP_ENGINE=oracle, tables, iptables,
//   kernel
#include "support/table/truth_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "table/executors.h"

using namespace catflap;
using namespace catflap::test;

namespace {

std::vector<Case> all_cases() {
    auto cases = read_cases(CATFLAP_TEST_DATA "/../table/rows");
    if (!cases)
        FAIL(cases.error().message);
    return cases.value_or(std::vector<Case>{});
}

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// A case runs whole, since a row may follow from the steps before it: the row only says which.
bool is_wanted(const Case& one, const std::string& wanted) {
    const auto has_line = [&](const Step& step) {
        return std::ranges::any_of(step.rows,
                                   [&](const Row& row) { return fmt::format("{}:{}", one.file, row.line) == wanted; });
    };
    return wanted.empty() || one.file == wanted || one.name.find(wanted) != std::string::npos ||
           std::ranges::any_of(one.steps, has_line);
}

// What the oracle says of each hop, for the message of a row that failed.
std::string witness(const Step& step, const Row& row) {
    std::string text;
    for (const oracle::Hop& hop : row.hops)
        text += "\n    oracle: " + oracle::judge(step.cluster, hop).why;
    return text;
}

void check_row(Executor& executor, const Case& one, const Step& step, const Row& row) {
    bool allowed = true;
    for (const oracle::Hop& hop : row.hops) {
        if (!executor.carries(step.cluster, hop))
            continue;
        const auto verdict = executor.allowed(hop);
        if (!verdict) {
            FAIL_CHECK(one.file << ":" << row.line << ": " << executor.name() << ": " << verdict.error().message);
            return;
        }
        allowed = allowed && *verdict;
    }
    CHECK_MESSAGE(allowed == row.allowed, one.file, ":", row.line, ": ", one.name,
                  step.name == one.name ? "" : ", then " + step.name, ": ", row.text, " was ",
                  allowed ? "allowed" : "dropped", " by ", executor.name(), witness(step, row));
}

using LeftOut = std::map<std::string, size_t>;  // why -> rows

void check_case(Executor& executor, const Case& one, LeftOut& left_out) {
    bool first = true;
    for (const Step& step : one.steps) {
        const auto loaded = first ? executor.start(step.cluster) : executor.update(step.cluster);
        first = false;
        if (const std::string why = executor.cannot_take(step.cluster); !why.empty()) {
            left_out[executor.name() + " leaves out what it refuses: " + why] += step.rows.size();
            continue;
        }
        if (!loaded) {
            FAIL_CHECK(one.file << ": " << one.name << ": " << executor.name() << ": " << loaded.error().message);
            return;
        }
        for (const Row& row : step.rows)
            check_row(executor, one, step, row);
    }
}

}  // namespace

TEST_CASE("every row has its verdict from every executor") {
    const std::vector<Case> cases = all_cases();
    const std::string rows = from_environment("CATFLAP_ROWS");
    const std::string engine = from_environment("CATFLAP_ENGINE");
    size_t run = 0;
    LeftOut left_out;
    for (const ExecutorFactory& make : executor_factories()) {
        const auto executor = make();
        if (!engine.empty() && executor->name() != engine)
            continue;
        for (const Case& one : cases)
            if (is_wanted(one, rows)) {
                check_case(*executor, one, left_out);
                ++run;
            }
    }
    for (const auto& [why, rows_left_out] : left_out)
        MESSAGE(why, " (", rows_left_out, " rows)");
    CHECK_MESSAGE(run > 0, "nothing is called CATFLAP_ROWS=", rows, " CATFLAP_ENGINE=", engine);
}

TEST_CASE("the tables are as large as promised, and each corner has a name of its own") {
    std::set<std::string> names;
    size_t written = 0;  // a row that is judged in both families counts once
    size_t judged = 0;
    for (const Case& one : all_cases()) {
        CHECK_MESSAGE(names.insert(one.name).second, "two cases are called ", one.name);
        for (const Step& step : one.steps)
            for (const Row& row : step.rows) {
                ++judged;
                written += row.again_in_ipv6 ? 0 : 1;
            }
    }
    MESSAGE(names.size(), " cases, ", written, " rows as written, ", judged, " in their families");
    CHECK(written >= 220);
}
