// SPDX-License-Identifier: Apache-2.0
// The one file of this room that knows the JSON parser.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>

#include "source/decode/readers.h"

namespace catflap::source {
namespace {

using nlohmann::json;

constexpr size_t kMaxMessage = 200;

// Where the parser is. All of its iterators are at the same place.
struct Cursor {
    const char* at;
    const char* end;
};

struct CursorIterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    reference operator*() const { return *cursor->at; }
    CursorIterator& operator++() {
        ++cursor->at;
        return *this;
    }
    CursorIterator operator++(int) { return ++*this; }
    bool operator==(const CursorIterator& other) const { return is_end() == other.is_end(); }
    bool operator!=(const CursorIterator& other) const { return !(*this == other); }
    [[nodiscard]] bool is_end() const { return cursor == nullptr || cursor->at == cursor->end; }

    Cursor* cursor = nullptr;
};

// Takes the parser's events; the names of the functions up to parse_error() are the parser's.
class JsonReader {
  public:
    JsonReader(std::string_view text, Builder& builder)
        : builder_(builder), cursor_{text.data(), text.data() + text.size()}, counted_(text.data()) {}

    Step read_document();
    // Where the next document starts, or something else, or nothing more.
    JsonRest rest();

    bool null() { return scalar("null", Value::Style::json); }
    bool boolean(bool value) { return scalar(value ? "true" : "false", Value::Style::json); }
    bool number_integer(int64_t value) { return number(fmt::to_string(value)); }
    bool number_unsigned(uint64_t value) { return number(fmt::to_string(value)); }
    bool number_float(double, const std::string& text) { return number(text); }
    bool string(const std::string& text) { return scalar(text, Value::Style::quoted); }
    bool key(const std::string& text) { return scalar(text, Value::Style::quoted); }
    bool start_object(size_t) { return take(builder_.open(true, line())); }
    bool start_array(size_t) { return take(builder_.open(false, line())); }
    bool end_object() { return take(builder_.close()); }
    bool end_array() { return take(builder_.close()); }
    bool binary(const std::vector<uint8_t>&) { return false; }  // JSON has none
    bool parse_error(size_t position, const std::string& token, const json::exception& error);

  private:
    bool take(Step step) {
        step_ = std::move(step);
        return step_.has_value();
    }
    bool scalar(std::string_view text, Value::Style style) { return take(builder_.scalar(text, style, line())); }
    // The parser knows the end of a number by the character behind it, which may be a line's end.
    bool number(std::string_view text) { return take(builder_.scalar(text, Value::Style::json, line(1))); }
    int line(size_t back = 0);

    Builder& builder_;
    Cursor cursor_;
    const char* counted_;  // up to where line_ has been counted
    int line_ = 1;
    Step step_;
};

int JsonReader::line(size_t back) {
    const char* to = std::max(counted_, cursor_.at - back);
    line_ += static_cast<int>(std::count(counted_, to, '\n'));
    counted_ = to;
    return line_;
}

Step JsonReader::read_document() {
    const bool read = json::sax_parse(CursorIterator{&cursor_}, CursorIterator{}, this, json::input_format_t::json,
                                      /*strict=*/false);
    if (step_ && !read)
        return syntax_error(line(), "not JSON");
    return step_ ? builder_.end_document(line()) : step_;
}

JsonRest JsonReader::rest() {
    cursor_.at =
        std::find_if(cursor_.at, cursor_.end, [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
    return {{cursor_.at, static_cast<size_t>(cursor_.end - cursor_.at)}, line()};
}

// "[json.exception.parse_error.101] parse error at line 1, column 7: syntax error while ...; last read: '...'"
bool JsonReader::parse_error(size_t, const std::string&, const json::exception& error) {
    std::string_view message = error.what();
    if (const size_t column = message.find(", column "); column != std::string_view::npos)
        message.remove_prefix(std::min(message.find(": ", column) + 2, message.size()));
    step_ = syntax_error(line(1), std::string(message.substr(0, kMaxMessage)));
    return false;
}

}  // namespace

tl::expected<JsonRest, SyntaxError> read_json(std::string_view text, Builder& builder) {
    JsonReader reader(text, builder);
    while (true) {
        const JsonRest rest = reader.rest();
        if (!rest.text.starts_with('{'))
            return rest;
        if (Step step = reader.read_document(); !step)
            return tl::unexpected(step.error());
    }
}

}  // namespace catflap::source
