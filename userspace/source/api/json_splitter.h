// SPDX-License-Identifier: Apache-2.0
// Cuts a stream of JSON into the elements that are decoded one by one, so that a list of 100,000 pods is never in
// memory as a whole. It checks no more of the syntax than it needs to find their ends: whoever decodes an element does.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

class JsonSplitter {
  public:
    // documents: each top-level object, as a watch sends them. items: each element of the one document's "items".
    enum class Mode { documents, items };
    using Take = std::function<Result<>(std::string_view element)>;

    // limit: bytes of one element, and of what is left of a list without its items.
    JsonSplitter(Mode mode, size_t limit) : mode_(mode), limit_(limit) {}

    // The next bytes of the stream, cut anywhere. The first failure, of take() or of the text, is final.
    Result<> feed(std::string_view bytes, const Take& take);
    // At the end of the stream: the list without its items. Fails where the text ends in the middle.
    Result<std::string> finish();
    // An object has begun that has not ended yet.
    [[nodiscard]] bool is_inside() const { return depth_ > 0; }

  private:
    Result<> step(char c, const Take& take);
    Result<> close(const Take& take);
    [[nodiscard]] bool between_items() const { return in_items_ && depth_ == 2; }
    // What the byte belongs to; nullptr: to nothing that is kept.
    [[nodiscard]] std::string* target();
    Result<> keep(std::string_view bytes);

    Mode mode_;
    size_t limit_;
    size_t depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
    bool in_items_ = false;  // inside of the top-level "items"
    std::string word_;       // the last string at the top level
    std::string key_;        // the key whose value follows
    std::string element_;
    std::string rest_;
    bool complete_ = false;  // of Mode::items: the document has ended
};

}  // namespace catflap::source
