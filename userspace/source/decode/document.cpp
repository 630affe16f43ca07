// SPDX-License-Identifier: Apache-2.0
#include "source/decode/document.h"

#include <libfyaml.h>

#include <algorithm>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "source/decode/trap.h"

namespace catflap::source {
namespace {

constexpr size_t kMaxDepth = 64;                 // Kubernetes objects of our kinds have fewer than 20
constexpr size_t kMaxAliasedValues = 1'000'000;  // what all aliases of a document may stand for

struct ParserDeleter {
    void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DiagDeleter {
    void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};

// A sequence or mapping that is still open.
struct Frame {
    bool is_mapping = false;
    int line = 0;
    std::string_view anchor;
    size_t weight = 1;  // values in it, with those that its aliases stand for
    std::vector<const Value*> items{};
    std::vector<Entry> entries{};
    bool has_key = false;  // the next value belongs to `key`
    Entry key{};
};

struct Anchor {
    const Value* value = nullptr;
    size_t weight = 0;
};

using Step = tl::expected<void, SyntaxError>;

Step syntax_error(int line, std::string message) {
    return tl::unexpected(SyntaxError{line, std::move(message)});
}

// Builds the documents out of the parser's events.
class Builder {
  public:
    Builder(std::string_view text, const DocumentSink& sink) : text_(text), sink_(sink) {}

    Step take(fy_event& event);
    [[nodiscard]] int line() const { return line_; }

  private:
    Step open(fy_event& event, bool is_mapping);
    Step close();
    Step scalar(fy_event& event);
    Step alias(fy_event& event);
    Step place(const Value* value, size_t weight, std::string_view anchor);
    void end_document();
    void hand_over_item();

    [[nodiscard]] bool in_items() const {
        return stack_.size() >= 2 && !stack_[1].is_mapping && stack_[0].has_key && stack_[0].key.key == "items";
    }
    // What belongs to one element of the top-level "items" can be freed when the element is done
    // with.
    std::pmr::memory_resource& arena() { return stack_.size() > 2 && in_items() ? item_arena_ : document_arena_; }
    std::string_view keep(std::string_view text);
    template <class T>
    std::span<const T> keep(const std::vector<T>& values);
    const Value* keep(const Value& value);

    std::string_view text_;
    const DocumentSink& sink_;
    std::pmr::monotonic_buffer_resource document_arena_;
    std::pmr::monotonic_buffer_resource item_arena_;
    std::vector<Frame> stack_;
    std::unordered_map<std::string_view, Anchor> anchors_;
    const Value* root_ = nullptr;
    size_t aliased_ = 0;
    bool keeps_items_ = false;  // something points into item_arena_ beyond its element
    int line_ = 1;
};

std::string_view token_text(fy_token* token) {
    size_t length = 0;
    const char* text = token ? fy_token_get_text(token, &length) : nullptr;
    return text ? std::string_view(text, length) : std::string_view{};
}

std::string_view Builder::keep(std::string_view text) {
    // The library hands out most texts where they stand in the input, which outlives the documents.
    if (text.empty() || (std::greater_equal<>{}(text.data(), text_.data()) &&
                         std::less_equal<>{}(text.data() + text.size(), text_.data() + text_.size())))
        return text;
    auto* copy = static_cast<char*>(arena().allocate(text.size(), 1));
    std::ranges::copy(text, copy);
    return {copy, text.size()};
}

template <class T>
std::span<const T> Builder::keep(const std::vector<T>& values) {
    if (values.empty())
        return {};
    auto* copy = static_cast<T*>(arena().allocate(values.size() * sizeof(T), alignof(T)));
    std::uninitialized_copy(values.begin(), values.end(), copy);
    return {copy, values.size()};
}

const Value* Builder::keep(const Value& value) {
    return new (arena().allocate(sizeof(Value), alignof(Value))) Value(value);
}

Step Builder::take(fy_event& event) {
    if (const fy_mark* mark = fy_event_start_mark(&event))
        line_ = std::max(line_, mark->line + 1);
    switch (event.type) {
        case FYET_MAPPING_START:
            return open(event, true);
        case FYET_SEQUENCE_START:
            return open(event, false);
        case FYET_MAPPING_END:
        case FYET_SEQUENCE_END:
            return close();
        case FYET_SCALAR:
            return scalar(event);
        case FYET_ALIAS:
            return alias(event);
        case FYET_DOCUMENT_END:
            end_document();
            return {};
        default:
            return {};
    }
}

Step Builder::open(fy_event& event, bool is_mapping) {
    if (stack_.size() >= kMaxDepth)
        return syntax_error(line_, fmt::format("nested deeper than {} levels", kMaxDepth));
    if (!stack_.empty() && stack_.back().is_mapping && !stack_.back().has_key)
        return syntax_error(line_, "a key must be a string");
    const std::string_view tag = token_text(fy_event_get_tag_token(&event));
    if (!tag.empty() && !tag.starts_with("tag:yaml.org,2002:"))
        return syntax_error(line_, fmt::format("the tag {} is not known", tag));
    const std::string_view anchor = keep(token_text(fy_event_get_anchor_token(&event)));
    stack_.push_back({.is_mapping = is_mapping, .line = line_, .anchor = anchor});
    return {};
}

Step Builder::close() {
    // Taken from the arena while the frame still tells which one it belongs to.
    Frame& frame = stack_.back();
    const Value* value = keep(frame.is_mapping ? Value::mapping(keep(frame.entries), frame.line)
                                               : Value::sequence(keep(frame.items), frame.line));
    const size_t weight = frame.weight;
    const std::string_view anchor = frame.anchor;
    stack_.pop_back();
    return place(value, weight, anchor);
}

Step Builder::scalar(fy_event& event) {
    const std::string_view text = token_text(event.scalar.value);
    const std::string_view tag = token_text(event.scalar.tag);
    const bool is_string_tag = tag == "tag:yaml.org,2002:str" || tag == "!";
    if (!tag.empty() && !is_string_tag && !tag.starts_with("tag:yaml.org,2002:"))
        return syntax_error(line_, fmt::format("the tag {} is not known", tag));
    const bool quoted = is_string_tag || fy_token_scalar_style(event.scalar.value) != FYSS_PLAIN;
    if (!stack_.empty() && stack_.back().is_mapping && !stack_.back().has_key) {
        if (event.scalar.anchor != nullptr)
            return syntax_error(line_, "an anchor on a key is not supported");
        stack_.back().key = {.key = keep(text), .line = line_, .is_quoted = quoted};
        stack_.back().has_key = true;
        return {};
    }
    const bool is_null = !quoted && plain_type(text) == PlainType::null;
    const Value* value = keep(is_null ? Value::null(line_) : Value::scalar(keep(text), quoted, line_));
    return place(value, 1, keep(token_text(event.scalar.anchor)));
}

Step Builder::alias(fy_event& event) {
    const std::string_view name = token_text(event.alias.anchor);
    const auto found = anchors_.find(name);
    // An anchor counts from its value's end on, so that nothing can contain itself.
    if (found == anchors_.end())
        return syntax_error(line_, fmt::format("the alias *{} has no anchor before it", name));
    if (!stack_.empty() && stack_.back().is_mapping && !stack_.back().has_key)
        return syntax_error(line_, "an alias as a key is not supported");
    aliased_ += found->second.weight;
    if (aliased_ > kMaxAliasedValues)
        return syntax_error(line_, fmt::format("aliases stand for more than {} values", kMaxAliasedValues));
    return place(found->second.value, found->second.weight, {});
}

Step Builder::place(const Value* value, size_t weight, std::string_view anchor) {
    if (!anchor.empty()) {
        anchors_[anchor] = {value, weight};
        keeps_items_ = true;
    }
    if (stack_.empty()) {
        root_ = value;
        return {};
    }
    Frame& frame = stack_.back();
    frame.weight += weight;
    if (frame.is_mapping) {
        frame.key.value = value;
        frame.entries.push_back(frame.key);
        frame.has_key = false;
    } else {
        frame.items.push_back(value);
        if (stack_.size() == 2 && in_items())
            hand_over_item();
    }
    return {};
}

void Builder::hand_over_item() {
    std::vector<const Value*>& items = stack_.back().items;
    if (!sink_.item(stack_.front().entries, *items.back())) {
        keeps_items_ = true;
        return;
    }
    items.pop_back();
    if (!keeps_items_)
        item_arena_.release();
}

void Builder::end_document() {
    if (root_ != nullptr)
        sink_.document(*root_);
    root_ = nullptr;
    aliased_ = 0;
    keeps_items_ = false;
    anchors_.clear();
    item_arena_.release();
    document_arena_.release();
}

SyntaxError first_error(fy_diag* diag, int line) {
    void* previous = nullptr;
    const fy_diag_error* error = fy_diag_errors_iterate(diag, &previous);
    if (error == nullptr)
        return {line, "not YAML"};
    return {error->line > 0 ? error->line : line, error->msg};
}

}  // namespace

tl::expected<void, SyntaxError> read_documents(std::string_view text, const DocumentSink& sink) {
    if (std::optional<SyntaxError> trap = find_trap(text))
        return tl::unexpected(std::move(*trap));
    fy_diag_cfg diag_config{};
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;  // and no output_fn: errors are only collected
    const std::unique_ptr<fy_diag, DiagDeleter> diag(fy_diag_create(&diag_config));
    fy_diag_set_collect_errors(diag.get(), true);
    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_JSON_NONE);
    config.diag = diag.get();
    const std::unique_ptr<fy_parser, ParserDeleter> parser(fy_parser_create(&config));
    if (!parser || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0)
        return syntax_error(0, "the YAML parser could not start (out of memory?)");
    Builder builder(text, sink);
    while (fy_event* event = fy_parser_parse(parser.get())) {
        Step step = builder.take(*event);
        fy_parser_event_free(parser.get(), event);
        if (!step)
            return step;
    }
    if (fy_parser_get_stream_error(parser.get()))
        return tl::unexpected(first_error(diag.get(), builder.line()));
    return {};
}

}  // namespace catflap::source
