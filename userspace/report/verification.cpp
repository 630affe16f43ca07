// SPDX-License-Identifier: Apache-2.0
#include "report/verification.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace catflap::report {

using nlohmann::json;

bool Verification::is_equal() const {
    return std::ranges::all_of(checks, [](const CheckRow& one) { return one.differences == 0 && one.unread.empty(); });
}

CheckRow& Verification::check(const std::string& name) {
    const auto found = std::ranges::find(checks, name, &CheckRow::name);
    return found != checks.end() ? *found : checks.emplace_back(CheckRow{name, 0, 0, 0, ""});
}

void Verification::add(DifferenceRow difference, bool mended) {
    CheckRow& row = check(difference.check);
    ++row.differences;
    row.mended += mended ? 1 : 0;
    differences.push_back(std::move(difference));
}

json to_json(const Verification& verification) {
    json checks = json::array();
    uint64_t count = 0;
    for (const CheckRow& one : verification.checks) {
        count += one.differences;
        checks.push_back({{"check", one.name},
                          {"checked", one.checked},
                          {"differences", one.differences},
                          {"mended", one.mended},
                          {"unread", one.unread}});
    }
    json differences = json::array();
    for (const DifferenceRow& one : verification.differences)
        differences.push_back({{"check", one.check},
                               {"object", one.object},
                               {"expected", one.expected},
                               {"found", one.found},
                               {"done", one.done}});
    return {{"equal", verification.is_equal()},      {"repair", verification.repair}, {"checks", std::move(checks)},
            {"differences", std::move(differences)}, {"differencesCount", count},     {"notes", verification.notes},
            {"tookUs", verification.took_us}};
}

}  // namespace catflap::report
