// SPDX-License-Identifier: Apache-2.0
// The one file that knows libyaml.
#include <yaml.h>

#include <memory>

#include "source/decode/readers.h"
#include "source/decode/text.h"

namespace catflap::source {
namespace {

constexpr std::string_view kYamlTags = "tag:yaml.org,2002:";

struct ParserDeleter {
    void operator()(yaml_parser_t* parser) const {
        yaml_parser_delete(parser);
        delete parser;
    }
};
using Parser = std::unique_ptr<yaml_parser_t, ParserDeleter>;

struct Event : yaml_event_t {
    Event() : yaml_event_t{} {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { yaml_event_delete(this); }
};

std::string_view view(const yaml_char_t* text) {
    return text != nullptr ? reinterpret_cast<const char*>(text) : std::string_view{};
}

class YamlReader {
  public:
    YamlReader(Builder& builder, int first_line) : builder_(builder), first_line_(first_line) {}

    Step take(const yaml_event_t& event);
    [[nodiscard]] SyntaxError error(const yaml_parser_t& parser) const;
    [[nodiscard]] int line_of(const yaml_mark_t& mark) const { return static_cast<int>(mark.line) + first_line_; }

  private:
    Step scalar(const yaml_event_t& event);
    Step open(const yaml_event_t& event, bool is_mapping, const yaml_char_t* tag, const yaml_char_t* anchor);
    [[nodiscard]] Step unknown_tag(const yaml_event_t& event, std::string_view tag) const {
        return syntax_error(line_of(event.start_mark), fmt::format("the tag {} is not known", tag));
    }

    Builder& builder_;
    int first_line_;
};

Step YamlReader::take(const yaml_event_t& event) {
    switch (event.type) {
        case YAML_DOCUMENT_START_EVENT: {
            const auto& start = event.data.document_start;
            if (start.version_directive != nullptr || start.tag_directives.start != start.tag_directives.end)
                return syntax_error(line_of(event.start_mark), "directives (%) are not supported; remove the line");
            return {};
        }
        case YAML_MAPPING_START_EVENT:
            return open(event, true, event.data.mapping_start.tag, event.data.mapping_start.anchor);
        case YAML_SEQUENCE_START_EVENT:
            return open(event, false, event.data.sequence_start.tag, event.data.sequence_start.anchor);
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            return builder_.close();
        case YAML_SCALAR_EVENT:
            return scalar(event);
        case YAML_ALIAS_EVENT:
            return builder_.alias(view(event.data.alias.anchor), line_of(event.start_mark));
        case YAML_DOCUMENT_END_EVENT:
            return builder_.end_document(line_of(event.start_mark));
        default:
            return {};
    }
}

Step YamlReader::open(const yaml_event_t& event, bool is_mapping, const yaml_char_t* tag, const yaml_char_t* anchor) {
    if (tag != nullptr && view(tag) != (is_mapping ? "tag:yaml.org,2002:map" : "tag:yaml.org,2002:seq"))
        return unknown_tag(event, view(tag));
    return builder_.open(is_mapping, line_of(event.start_mark), view(anchor));
}

// A tag may say what is plain to see already, or make a string of anything. What else it could do (!!binary, !!int
// "8", tags of others) nobody needs.
bool fits(std::string_view tag, std::string_view text, bool quoted) {
    if (!tag.starts_with(kYamlTags) || quoted)
        return false;
    tag.remove_prefix(kYamlTags.size());
    switch (plain_type(text)) {
        case PlainType::null:
            return tag == "null";
        case PlainType::boolean:
            return tag == "bool";
        case PlainType::number:
            return tag == "float" || (tag == "int" && plain_integer(text).has_value());
        case PlainType::string:
            return false;
    }
    return false;
}

Step YamlReader::scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const std::string_view tag = view(scalar.tag);
    const bool is_string = tag == "tag:yaml.org,2002:str" || tag == "!";
    const bool quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!tag.empty() && !is_string && !fits(tag, text, quoted))
        return unknown_tag(event, tag);
    const Value::Style style = quoted || is_string ? Value::Style::quoted : Value::Style::plain;
    return builder_.scalar(text, style, line_of(event.start_mark), view(scalar.anchor));
}

SyntaxError YamlReader::error(const yaml_parser_t& parser) const {
    if (parser.error == YAML_MEMORY_ERROR)
        return {0, "out of memory"};
    std::string message = parser.problem != nullptr ? parser.problem : "not YAML";
    if (parser.context != nullptr)
        message += fmt::format(", {} that starts on line {}", parser.context, line_of(parser.context_mark));
    return {line_of(parser.problem_mark), std::move(message)};
}

}  // namespace

Step read_yaml(std::string_view text, Builder& builder, int first_line) {
    const auto characters = check_text(text);
    if (!characters)
        return syntax_error(characters.error().line + first_line - 1, characters.error().message);
    Parser parser(new yaml_parser_t{});
    if (yaml_parser_initialize(parser.get()) == 0)
        return syntax_error(0, "out of memory");
    yaml_parser_set_encoding(parser.get(), YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser.get(), reinterpret_cast<const yaml_char_t*>(text.data()), text.size());
    YamlReader reader(builder, first_line);
    while (true) {
        Event event;
        if (yaml_parser_parse(parser.get(), &event) == 0)
            return tl::unexpected(reader.error(*parser));
        // Whatever it may end at: only the end of the text is the end.
        const bool ended = event.type == YAML_STREAM_END_EVENT;
        if (ended ? event.end_mark.index != *characters : event.type == YAML_NO_EVENT)
            return syntax_error(reader.line_of(parser->mark), "the YAML parser stopped before the end of the text");
        if (ended)
            return {};
        if (Step step = reader.take(event); !step)
            return step;
    }
}

}  // namespace catflap::source
