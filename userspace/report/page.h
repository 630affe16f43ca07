// SPDX-License-Identifier: Apache-2.0
// A `get` request and one page of its answer. A page is bounded in rows, bytes and time, so that a list of any length
// never keeps the agent's loop from a policy change; the cursor in it says where the next page goes on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "report/kinds.h"
#include "report/rows.h"

namespace catflap::report {

struct Query {
    static constexpr size_t kMaxNames = 1000;

    Kind kind = Kind::endpoints;
    std::vector<std::string> names{};  // none: all
    std::string endpoint{};            // an interface, a pod's name or "ns/pod"; "": all
    size_t limit = 0;                  // rows at most in this page; 0: as many as a page holds
    bool members = true;               // of sets
    std::string after{};               // the cursor; "": from the start
};

// Fails with a sentence about what is wrong with the request.
Result<Query> parse_query(const nlohmann::json& request);

struct PageLimits {
    size_t rows = 512;
    size_t bytes = 256 << 10;
    std::chrono::microseconds time{4000};
};

// A place in a list, in the terms of whoever makes the list. To everybody else it is opaque text.
class Cursor {
  public:
    using Field = std::variant<uint64_t, std::string>;

    Cursor() = default;
    Cursor(std::initializer_list<Field> fields) : fields_(fields) {}
    explicit Cursor(std::vector<Field> fields) : fields_(std::move(fields)) {}
    [[nodiscard]] uint64_t number(size_t field) const { return std::get<uint64_t>(fields_.at(field)); }
    [[nodiscard]] const std::string& text(size_t field) const { return std::get<std::string>(fields_.at(field)); }
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

  private:
    std::vector<Field> fields_;
};

class Page {
  public:
    // Rows go to the taker as they are, and into no answer.
    using Taker = std::function<void(const Row& row)>;
    explicit Page(Query query, const PageLimits& limits = {}, Taker taker = {});

    [[nodiscard]] const Query& query() const { return query_; }

    // Is this item asked for? By "ns/name", by its name, or by another name that identifies it. Notes which of the
    // query's names were met.
    bool wants(const std::string& ns, const std::string& name, const std::string& alias = "");
    // Is the item one of the endpoint that was asked for?
    [[nodiscard]] bool of_endpoint(const std::string& ns, const std::string& pod, const std::string& interface) const;

    void add(const Row& row);
    // Rows, bytes or time are used up: set the cursor and return.
    [[nodiscard]] bool full() const;
    // How many more rows it may have.
    [[nodiscard]] size_t room() const { return max_rows_ - std::min(max_rows_, count_); }
    // There may be more: where the next page begins.
    void continue_at(const Cursor& cursor);
    // Where this page begins; nothing: at the start. types: a letter for each field, 'n' for a number and 't' for a
    // text. Fails with a sentence where the request's cursor is none of this kind.
    [[nodiscard]] Result<std::optional<Cursor>> cursor(std::string_view types) const;

    // The cursor of the next page; "": there is none.
    [[nodiscard]] const std::string& next() const { return next_; }
    // {"ok":true,"items":[...],"found":[...],"next":"..."}
    [[nodiscard]] nlohmann::json answer() &&;

  private:
    Query query_;
    PageLimits limits_;
    size_t max_rows_;
    std::chrono::steady_clock::time_point end_;
    std::unordered_map<std::string, bool> names_;  // met in this page?
    Taker taker_;
    nlohmann::json::array_t rows_;
    size_t count_ = 0;
    size_t bytes_ = 0;
    std::string next_;
};

// About as many bytes as the value takes as text.
size_t text_bytes(const nlohmann::json& value);

}  // namespace catflap::report
