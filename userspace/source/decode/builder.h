// SPDX-License-Identifier: Apache-2.0
// A parser's events -> trees of values, handed over one by one. It knows neither YAML nor JSON.
#pragma once

#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/decode/document.h"

namespace catflap::source {

using Step = tl::expected<void, SyntaxError>;

Step syntax_error(int line, std::string message);

class Builder {
  public:
    explicit Builder(const DocumentSink& sink) : sink_(sink) {}

    Step open(bool is_mapping, int line, std::string_view anchor = {});
    Step close();
    // A key, where one is due.
    Step scalar(std::string_view text, Value::Style style, int line, std::string_view anchor = {});
    Step alias(std::string_view name, int line);
    Step end_document(int line);

    // The next scalar would be a key.
    [[nodiscard]] bool expects_key() const {
        return !stack_.empty() && stack_.back().is_mapping && !stack_.back().has_key;
    }
    [[nodiscard]] bool inside_document() const { return !stack_.empty(); }

  private:
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

    Step place(const Value* value, size_t weight, std::string_view anchor);
    void hand_over_item();

    [[nodiscard]] bool in_items() const {
        return stack_.size() >= 2 && !stack_[1].is_mapping && stack_[0].has_key && stack_[0].key.key == "items";
    }
    // What belongs to one element of the top-level "items" can be freed when the element is done with.
    std::pmr::memory_resource& arena() { return stack_.size() > 2 && in_items() ? item_arena_ : document_arena_; }
    std::string_view keep(std::string_view text);
    template <class T>
    std::span<const T> keep(const std::vector<T>& values);
    const Value* keep(const Value& value);

    const DocumentSink& sink_;
    std::pmr::monotonic_buffer_resource document_arena_;
    std::vector<std::byte> item_buffer_ = std::vector<std::byte>(size_t{64} << 10);  // enough for most items
    std::pmr::monotonic_buffer_resource item_arena_{item_buffer_.data(), item_buffer_.size()};
    std::vector<Frame> stack_;
    std::unordered_map<std::string_view, Anchor> anchors_;
    const Value* root_ = nullptr;
    size_t aliased_ = 0;
    size_t documents_ = 0;
    bool keeps_items_ = false;  // something points into item_arena_ beyond its element
};

}  // namespace catflap::source
