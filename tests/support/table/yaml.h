// SPDX-License-Identifier: Apache-2.0
// The little of libfyaml that the test tables need.
#pragma once

#include <libfyaml.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace catflap::test {

// A node of a document, or nothing. Lives as long as its document.
class Yaml {
  public:
    Yaml() = default;
    explicit Yaml(fy_node* node) : node_(node) {}

    [[nodiscard]] explicit operator bool() const { return node_ != nullptr; }
    [[nodiscard]] bool is_null() const;  // absent, empty, or the word null
    [[nodiscard]] bool is_mapping() const { return node_ != nullptr && fy_node_is_mapping(node_); }
    [[nodiscard]] bool is_sequence() const { return node_ != nullptr && fy_node_is_sequence(node_); }
    [[nodiscard]] Yaml operator[](const char* key) const;
    [[nodiscard]] std::string text() const;                                   // of a scalar; "" for anything else
    [[nodiscard]] std::vector<std::pair<std::string, Yaml>> entries() const;  // of a mapping
    [[nodiscard]] std::vector<Yaml> items() const;                            // of a sequence
    [[nodiscard]] int line() const;                                           // of a scalar, 1-based
    [[nodiscard]] std::string on_one_line() const;                            // as YAML again

  private:
    fy_node* node_ = nullptr;
};

class YamlDocument {
  public:
    // `quiet`: without a word on stderr about what is wrong.
    static Result<YamlDocument> parse(const std::string& text, bool quiet = false);
    [[nodiscard]] Yaml root() const { return Yaml(fy_document_root(document_.get())); }

  private:
    struct Destroy {
        void operator()(fy_document* document) const { fy_document_destroy(document); }
    };
    std::unique_ptr<std::string> text_;  // libfyaml points into it
    std::unique_ptr<fy_document, Destroy> document_;
};

}  // namespace catflap::test
