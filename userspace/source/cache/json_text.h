// SPDX-License-Identifier: Apache-2.0
// Writes JSON piece by piece: a tree of values would cost several times as much for 100,000 pods.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace catflap::source {

class JsonText {
  public:
    JsonText& open(char bracket) {
        separate();
        text_ += bracket;
        return *this;
    }
    JsonText& close(char bracket) {
        text_ += bracket;
        return *this;
    }
    JsonText& key(std::string_view name) {
        string(name);
        text_ += ':';
        return *this;
    }
    // Everything but plain ASCII is escaped: the YAML reader takes some other characters for ends of lines.
    JsonText& string(std::string_view value);
    JsonText& number(uint32_t value) {
        separate();
        text_ += std::to_string(value);
        return *this;
    }
    JsonText& boolean(bool value) {
        separate();
        text_ += value ? "true" : "false";
        return *this;
    }
    // A member, left out where it is empty.
    JsonText& optional(std::string_view name, std::string_view value) {
        return value.empty() ? *this : key(name).string(value);
    }
    // [write(element), ...]
    template <class List, class Write>
    JsonText& list(const List& values, Write write) {
        open('[');
        for (const auto& value : values)
            write(value);
        return close(']');
    }
    std::string take() { return std::move(text_); }

  private:
    void separate() {
        if (!text_.empty() && text_.back() != '{' && text_.back() != '[' && text_.back() != ':')
            text_ += ',';
    }
    std::string text_;
};

}  // namespace catflap::source
