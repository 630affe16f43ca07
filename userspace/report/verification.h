// SPDX-License-Identifier: Apache-2.0
// What `catflap verify` says: what is loaded, compared with what is to be loaded. Plain values; the JSON is a contract
// (docs/cli.md).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace catflap::report {

struct DifferenceRow {
    std::string check;     // the name of one of the checks
    std::string object;    // "cali1, from_pod", "10.0.0.7"
    std::string expected;  // in words
    std::string found;
    std::string done;  // "mended", "not mended: ...", "nothing"
};

struct CheckRow {
    std::string name;
    uint64_t checked = 0;
    uint64_t differences = 0;
    uint64_t mended = 0;
    std::string unread;  // why a part of it could not be compared; ""
};

struct Verification {
    bool repair = false;
    std::vector<CheckRow> checks;
    std::vector<DifferenceRow> differences;  // the first ones; the checks' counts are exact
    std::vector<std::string> notes;          // what is no difference, and worth to know
    uint64_t took_us = 0;                    // of the loop's time

    [[nodiscard]] bool is_equal() const;
    // Adds to the check of this name.
    void add(DifferenceRow difference, bool mended);
    CheckRow& check(const std::string& name);
};

// What there is of an answer so far.
struct Verified {
    std::optional<uint64_t> question;  // it is under way: ask again with it
    Verification verification;
};

nlohmann::json to_json(const Verification& verification);

}  // namespace catflap::report
