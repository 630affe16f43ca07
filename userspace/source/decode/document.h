// SPDX-License-Identifier: Apache-2.0
// YAML and JSON, as kubectl reads them -> trees of values that know their lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

struct Entry;

// One node of a document. It does not own: it lives as long as the call that it was handed to. An alias (*x) is the
// same Value as its anchor (&x), so a tree is never copied.
class Value {
  public:
    enum class Kind : uint8_t { null, scalar, sequence, mapping };
    // Of a scalar. plain: YAML's rules say what it is; quoted: a string; json: null, a boolean or a number of JSON.
    enum class Style : uint8_t { plain, quoted, json };

    Value() = default;
    static Value null(int line) { return {Kind::null, line, nullptr, 0}; }
    static Value scalar(std::string_view text, Style style, int line);
    static Value sequence(std::span<const Value* const> items, int line);
    static Value mapping(std::span<const Entry> entries, int line);

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] int line() const noexcept { return line_; }  // 1-based
    // A scalar that can only be a string: quoted, a block, or tagged !!str.
    [[nodiscard]] bool is_quoted() const noexcept { return style_ == Style::quoted; }
    [[nodiscard]] bool is_json() const noexcept { return style_ == Style::json; }
    // Empty unless the value is of the kind.
    [[nodiscard]] std::string_view text() const noexcept;
    [[nodiscard]] std::span<const Value* const> items() const noexcept;
    [[nodiscard]] std::span<const Entry> entries() const noexcept;  // as written: a key may come twice

  private:
    Value(Kind kind, int line, const void* data, size_t size) : data_(data), size_(size), line_(line), kind_(kind) {}

    const void* data_ = nullptr;
    size_t size_ = 0;
    int line_ = 0;
    Kind kind_ = Kind::null;
    Style style_ = Style::plain;
};

struct Entry {
    std::string_view key;
    const Value* value = nullptr;
    int line = 0;
    bool is_quoted = false;
};

// The value of the first entry with this key; nullptr where there is none.
const Value* find(std::span<const Entry> entries, std::string_view key);

// What read_documents() hands over.
struct DocumentSink {
    // One element of the document's top-level "items", as soon as it is read; `header` is what
    // stands before it. True: done with it, and it is not in the document that follows. A list of
    // 100,000 pods is never in memory as a whole.
    std::function<bool(std::span<const Entry> header, const Value& item)> item;
    std::function<void(const Value& document)> document;
};

// How a text failed to be YAML.
struct SyntaxError {
    int line = 0;  // 0: unknown
    std::string message;
};

// Reads every document of the text. What was handed over before an error is void.
tl::expected<void, SyntaxError> read_documents(std::string_view text, const DocumentSink& sink);

// One JSON document, as an API server sends it: anything that is JSON, where a manifest's text is held to YAML's rules,
// too. Objects and lists that catflap reads of no kind (managedFields, a container's env, ...) are null in it;
// of these only the end is looked for, by counting brackets.
tl::expected<void, SyntaxError> read_json_document(std::string_view text, const DocumentSink& sink);

// How kubectl's parser reads a plain (unquoted) scalar: YAML 1.1, but for the sexagesimal numbers and with 0o17.
enum class PlainType : uint8_t { string, null, boolean, number };
PlainType plain_type(std::string_view text);
// 8 for "010", 0b1000, "8.0" and 8_; nothing where it is no whole number.
std::optional<int64_t> plain_integer(std::string_view text);
// Of a text of plain_type boolean.
bool plain_boolean(std::string_view text);

}  // namespace catflap::source
