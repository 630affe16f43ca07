// SPDX-License-Identifier: Apache-2.0
#include "source/decode/builder.h"

#include <algorithm>
#include <memory>

namespace catflap::source {
namespace {

constexpr size_t kMaxDepth = 64;                 // Kubernetes objects of our kinds have fewer than 20
constexpr size_t kMaxAliasedValues = 1'000'000;  // what all aliases of a document may stand for
constexpr size_t kMaxDocuments = 500'000;

}  // namespace

Step syntax_error(int line, std::string message) {
    return tl::unexpected(SyntaxError{line, std::move(message)});
}

std::string_view Builder::keep(std::string_view text) {
    if (text.empty())
        return {};
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

Step Builder::open(bool is_mapping, int line, std::string_view anchor) {
    if (stack_.size() >= kMaxDepth)
        return syntax_error(line, fmt::format("nested deeper than {} levels", kMaxDepth));
    if (expects_key())
        return syntax_error(line, "a key must be a string");
    stack_.push_back({.is_mapping = is_mapping, .line = line, .anchor = keep(anchor)});
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

Step Builder::scalar(std::string_view text, Value::Style style, int line, std::string_view anchor) {
    if (expects_key()) {
        if (!anchor.empty())
            return syntax_error(line, "an anchor on a key is not supported");
        stack_.back().key = {.key = keep(text), .line = line, .is_quoted = style == Value::Style::quoted};
        stack_.back().has_key = true;
        return {};
    }
    const bool is_null = style != Value::Style::quoted && plain_type(text) == PlainType::null;
    const Value* value = keep(is_null ? Value::null(line) : Value::scalar(keep(text), style, line));
    return place(value, 1, keep(anchor));
}

Step Builder::alias(std::string_view name, int line) {
    const auto found = anchors_.find(name);
    // An anchor counts from its value's end on, so that nothing can contain itself.
    if (found == anchors_.end())
        return syntax_error(line, fmt::format("the alias *{} has no anchor before it", name));
    if (expects_key())
        return syntax_error(line, "an alias as a key is not supported");
    aliased_ += found->second.weight;
    if (aliased_ > kMaxAliasedValues)
        return syntax_error(line, fmt::format("aliases stand for more than {} values", kMaxAliasedValues));
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

Step Builder::end_document(int line) {
    if (++documents_ > kMaxDocuments)
        return syntax_error(line, fmt::format("more than {} documents; split it into several files", kMaxDocuments));
    if (root_ != nullptr)
        sink_.document(*root_);
    root_ = nullptr;
    aliased_ = 0;
    keeps_items_ = false;
    anchors_.clear();
    item_arena_.release();
    document_arena_.release();
    return {};
}

}  // namespace catflap::source
