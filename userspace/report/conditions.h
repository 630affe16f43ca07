// SPDX-License-Identifier: Apache-2.0
// What is not in order on a node, as one table: `catflap status`, `catflap status --check` and metrics read it.
//
// To add a condition: a field in facts.h, its value in agent/facts.cpp, a row in the table of conditions.cpp, a case in
// tests/unit/report/conditions_test.cpp (which fails for a row without one).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "report/facts.h"

namespace catflap::report {

// fail: the node is not enforced as its source says. warn: it is, and somebody should look all the same.
enum class Severity : uint8_t { fail, warn };
const char* to_string(Severity severity);

struct Condition {
    const char* id;  // of --check, of metrics; never renamed
    Severity severity;
    const char* remedy;
    // A sentence for each thing that is not in order; none: it is.
    std::vector<std::string> (*sentences)(const Facts& facts);
};
std::span<const Condition> conditions();

struct Finding {
    const Condition* condition = nullptr;
    std::string sentence;
};
// In the order of the table. Of each condition at most kMaxFindings, then how many more there are.
inline constexpr size_t kMaxFindings = 20;
std::vector<Finding> findings(const Facts& facts);

// Those that fail, by their ids: "source-stale,refused"; "": the node is enforced as its source says.
std::string failing_ids(const std::vector<Finding>& findings);

// [{"id","severity","sentence","remedy"}]
nlohmann::json to_json(const std::vector<Finding>& findings);

}  // namespace catflap::report
