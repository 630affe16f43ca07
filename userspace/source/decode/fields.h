// SPDX-License-Identifier: Apache-2.0
// Typed access to an object's fields that collects everything that is wrong with the object, by
// field path.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/decode/decode.h"
#include "source/decode/document.h"

namespace catflap::source {

// What is said about one object while it is decoded. Of more than kMostKept refusals or warnings only the number is
// kept: a file of wrong fields must not cost more memory than its text.
struct Report {
    static constexpr size_t kMostKept = 20;

    Report(std::string file_name, int first_line) : file(std::move(file_name)), line(first_line) {}

    std::string file;
    std::string object;  // "Pod default/web"; "" until it could be told
    int line = 0;
    std::vector<Diagnostic> refusals;
    std::vector<Diagnostic> warnings;
    size_t more_refusals = 0;
    size_t more_warnings = 0;
};

template <class Element>
class Range;

// A field of an object that may be missing. null counts as missing, as it does for the API server.
// The accessors refuse (note it in the report and return nothing) what has another type than asked
// for; a missing field is not refused.
class Field {
  public:
    Field(const Value* value, Report& report) : Field(value, report, report.line, {}) {}

    [[nodiscard]] bool exists() const noexcept { return value_ != nullptr && value_->kind() != Value::Kind::null; }
    [[nodiscard]] int line() const noexcept { return line_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] Report& report() const noexcept { return *report_; }

    // Without a refusal of what is something else.
    [[nodiscard]] bool is_list() const noexcept { return exists() && value_->kind() == Value::Kind::sequence; }
    [[nodiscard]] bool is_object() const noexcept { return exists() && value_->kind() == Value::Kind::mapping; }

    // A mapping's members, without a look at the others.
    [[nodiscard]] Field member(std::string_view key) const;
    // Every member, by key; a key that comes twice, YAML 1.1's merge key, and a plain one that is no string are
    // refused.
    using Member = std::pair<std::string_view, Field>;
    [[nodiscard]] Range<Member> members() const;
    // True for a mapping that exists; refuses anything else, and what members() refuses.
    bool is_mapping() const;
    // is_mapping(), and refuses members that are not among `known`.
    bool has_only(std::span<const std::string_view> known) const;
    bool has_only(std::initializer_list<std::string_view> known) const {
        return has_only(std::span(known.begin(), known.size()));
    }
    // True for a list that exists; refuses anything else.
    bool is_sequence() const;
    [[nodiscard]] Range<Field> items() const;
    // As has_only(), but refuses only what looks like a misspelt one of `read`. What is among `others` is not.
    void check_spelling(std::span<const std::string_view> read, std::span<const std::string_view> others) const;

    [[nodiscard]] std::optional<std::string> string() const;
    [[nodiscard]] std::optional<int64_t> integer() const;
    [[nodiscard]] std::optional<bool> boolean() const;
    // A scalar that can be a number (not quoted) or a string.
    [[nodiscard]] bool is_number() const noexcept;
    // The same field, with what is said of it in another report.
    [[nodiscard]] Field reported_to(Report& report) const { return {value_, report, line_, path_}; }

    void refuse(std::string message) const;
    void warn(std::string message) const;

  private:
    Field(const Value* value, Report& report, int line, std::string path);
    [[nodiscard]] Field child(const Value* value, int line, std::string path) const;
    bool check_keys() const;
    bool check_key(const Entry& entry) const;
    [[nodiscard]] Member element(size_t index, const Member*) const;
    [[nodiscard]] Field element(size_t index, const Field*) const;
    template <class Element>
    friend class Range;

    const Value* value_;
    Report* report_;
    int line_;
    std::string path_;
};

// A field's elements, each made when it is looked at: a list of 300,000 has no 300,000 paths.
template <class Element>
class Range {
  public:
    class Iterator {
      public:
        Iterator(const Range* range, size_t index) : range_(range), index_(index) {}
        Element operator*() const { return range_->field_.element(index_, static_cast<const Element*>(nullptr)); }
        Iterator& operator++() {
            ++index_;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return index_ != other.index_; }

      private:
        const Range* range_;
        size_t index_;
    };

    Range(Field field, size_t size) : field_(std::move(field)), size_(size) {}
    [[nodiscard]] Iterator begin() const { return {this, 0}; }
    [[nodiscard]] Iterator end() const { return {this, size_}; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] size_t size() const { return size_; }

  private:
    Field field_;
    size_t size_;
};

// "spec.ingress" + "from" -> "spec.ingress.from"; keys that are not plain words are quoted:
// metadata.labels["a.b/c"].
std::string join_path(std::string_view path, std::string_view key);

}  // namespace catflap::source
