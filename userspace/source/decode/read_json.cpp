// SPDX-License-Identifier: Apache-2.0
// The one file of this room that knows the JSON parser.
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "source/decode/readers.h"

namespace catflap::source {
namespace {

using nlohmann::json;

constexpr size_t kMaxMessage = 200;

// Most bytes of what an API server sends of a Pod. Never names that a user chooses the value of: under these, labels
// and selectors have strings, and only objects and lists are skipped. No kind reads one of them (schema.cpp).
constexpr std::array<std::string_view, 22> kUnread = {"affinity",
                                                      "args",
                                                      "command",
                                                      "containerStatuses",
                                                      "env",
                                                      "envFrom",
                                                      "ephemeralContainerStatuses",
                                                      "images",
                                                      "initContainerStatuses",
                                                      "lifecycle",
                                                      "livenessProbe",
                                                      "managedFields",
                                                      "ownerReferences",
                                                      "readinessProbe",
                                                      "resources",
                                                      "securityContext",
                                                      "startupProbe",
                                                      "tolerations",
                                                      "topologySpreadConstraints",
                                                      "volumeDevices",
                                                      "volumeMounts",
                                                      "volumes"};
static_assert(std::ranges::is_sorted(kUnread));

constexpr std::string_view kInItsPlace = ":null";

// Behind the object or list that begins there; nullptr: it does not end.
const char* end_of_value(const char* at, const char* end) {
    for (size_t depth = 0; at != end; ++at) {
        if (*at == '"') {
            for (++at; at != end && *at != '"'; ++at)
                if (*at == '\\' && ++at == end)
                    return nullptr;
            if (at == end)
                return nullptr;
        } else if (*at == '{' || *at == '[') {
            ++depth;
        } else if ((*at == '}' || *at == ']') && --depth == 0) {
            return at + 1;
        }
    }
    return nullptr;
}

// Where the parser is. All of its iterators are at the same place.
struct Cursor {
    const char* at;
    const char* end;
    // Where it goes on behind `end`, which is another text's then; nullptr: nowhere.
    const char* resume = nullptr;
    const char* resume_end = nullptr;

    void advance() {
        if (++at == end && resume != nullptr) {
            at = std::exchange(resume, nullptr);
            end = resume_end;
        }
    }
    // The parser stands behind a name, and sees another text before it goes on there.
    void splice(std::string_view text, const char* then) {
        resume = then;
        resume_end = end;
        at = text.data();
        end = text.data() + text.size();
    }
};

struct CursorIterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    reference operator*() const { return *cursor->at; }
    CursorIterator& operator++() {
        cursor->advance();
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
    JsonReader(std::string_view text, Builder& builder, Unread unread)
        : builder_(builder), unread_(unread), cursor_{text.data(), text.data() + text.size()}, counted_(text.data()) {}

    Step read_document();
    // Where the next document starts, or something else, or nothing more.
    JsonRest rest();

    bool null() { return scalar("null", Value::Style::json); }
    bool boolean(bool value) { return scalar(value ? "true" : "false", Value::Style::json); }
    bool number_integer(int64_t value) { return number(fmt::to_string(value)); }
    bool number_unsigned(uint64_t value) { return number(fmt::to_string(value)); }
    bool number_float(double, const std::string& text) { return number(text); }
    bool string(const std::string& text) { return scalar(text, Value::Style::quoted); }
    bool key(const std::string& text) {
        const bool taken = scalar(text, Value::Style::quoted);
        if (taken && unread_ == Unread::skipped && std::ranges::binary_search(kUnread, text))
            skip_value();
        return taken;
    }
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
    void skip_value();

    Builder& builder_;
    Unread unread_;
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

// What is not as it should be is left for the parser to tell.
void JsonReader::skip_value() {
    const std::string_view text(cursor_.at, static_cast<size_t>(cursor_.end - cursor_.at));
    const size_t colon = text.find_first_not_of(kJsonSpaces);
    if (colon == std::string_view::npos || text[colon] != ':')
        return;
    const size_t begin = text.find_first_not_of(kJsonSpaces, colon + 1);
    if (begin == std::string_view::npos || (text[begin] != '{' && text[begin] != '['))
        return;
    if (const char* behind = end_of_value(text.data() + begin, cursor_.end); behind != nullptr && behind != cursor_.end)
        cursor_.splice(kInItsPlace, behind);
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

tl::expected<JsonRest, SyntaxError> read_json(std::string_view text, Builder& builder, Unread unread) {
    JsonReader reader(text, builder, unread);
    while (true) {
        const JsonRest rest = reader.rest();
        if (!rest.text.starts_with('{'))
            return rest;
        if (Step step = reader.read_document(); !step)
            return tl::unexpected(step.error());
    }
}

}  // namespace catflap::source
