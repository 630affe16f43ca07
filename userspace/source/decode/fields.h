// SPDX-License-Identifier: Apache-2.0
// Typed access to an object's fields that collects everything that is wrong with the object, by
// field path.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/decode/decode.h"
#include "source/decode/document.h"

namespace catflap::source {

// What is said about one object while it is decoded.
struct Report {
    Report(std::string file_name, int first_line) : file(std::move(file_name)), line(first_line) {}

    std::string file;
    std::string object;  // "Pod default/web"; "" until it could be told
    int line = 0;
    std::vector<Diagnostic> refusals;
    std::vector<Diagnostic> warnings;
};

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

    // A mapping's members, without a look at the others.
    [[nodiscard]] Field member(std::string_view key) const;
    // Every member, by key; a key that comes twice, and YAML 1.1's merge key, are refused.
    [[nodiscard]] std::vector<std::pair<std::string_view, Field>> members() const;
    // True for a mapping that exists; refuses anything else, and what members() refuses.
    bool is_mapping() const;
    // is_mapping(), and refuses members that are not among `known`.
    bool has_only(std::initializer_list<std::string_view> known) const;
    // True for a list that exists; refuses anything else.
    bool is_sequence() const;
    [[nodiscard]] std::vector<Field> items() const;

    [[nodiscard]] std::optional<std::string> string() const;
    [[nodiscard]] std::optional<int64_t> integer() const;
    [[nodiscard]] std::optional<bool> boolean() const;
    // A scalar that can be a number (not quoted) or a string.
    [[nodiscard]] bool is_number() const noexcept;

    void refuse(std::string message) const;
    void warn(std::string message) const;

  private:
    Field(const Value* value, Report& report, int line, std::string path);
    [[nodiscard]] Field child(const Value* value, int line, std::string path) const;
    bool check_keys() const;

    const Value* value_;
    Report* report_;
    int line_;
    std::string path_;
};

// "spec.ingress" + "from" -> "spec.ingress.from"; keys that are not plain words are quoted:
// metadata.labels["a.b/c"].
std::string join_path(std::string_view path, std::string_view key);

}  // namespace catflap::source
