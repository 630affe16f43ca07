// SPDX-License-Identifier: Apache-2.0
#include "support/table/yaml.h"

#include <cstdlib>

namespace catflap::test {

Yaml Yaml::operator[](const char* key) const {
    return is_mapping() ? Yaml(fy_node_mapping_lookup_by_string(node_, key, FY_NT)) : Yaml();
}

bool Yaml::is_null() const {
    return node_ == nullptr || fy_node_is_null(node_) || text() == "null";
}

std::string Yaml::text() const {
    size_t length = 0;
    const char* scalar = node_ == nullptr ? nullptr : fy_node_get_scalar(node_, &length);
    return scalar == nullptr ? std::string() : std::string(scalar, length);
}

std::vector<std::pair<std::string, Yaml>> Yaml::entries() const {
    std::vector<std::pair<std::string, Yaml>> found;
    void* position = nullptr;
    if (is_mapping())
        while (fy_node_pair* pair = fy_node_mapping_iterate(node_, &position))
            found.emplace_back(Yaml(fy_node_pair_key(pair)).text(), Yaml(fy_node_pair_value(pair)));
    return found;
}

std::vector<Yaml> Yaml::items() const {
    std::vector<Yaml> found;
    void* position = nullptr;
    if (node_ != nullptr && fy_node_is_sequence(node_))
        while (fy_node* item = fy_node_sequence_iterate(node_, &position))
            found.emplace_back(item);
    return found;
}

int Yaml::line() const {
    fy_token* token = node_ == nullptr ? nullptr : fy_node_get_scalar_token(node_);
    const fy_mark* mark = token == nullptr ? nullptr : fy_token_start_mark(token);
    return mark == nullptr ? 0 : mark->line + 1;
}

std::string Yaml::on_one_line() const {
    const auto flags = static_cast<fy_emitter_cfg_flags>(FYECF_MODE_FLOW_ONELINE | FYECF_WIDTH_INF);
    const std::unique_ptr<char, decltype(&std::free)> emitted(fy_emit_node_to_string(node_, flags), &std::free);
    return emitted ? emitted.get() : "";
}

Result<YamlDocument> YamlDocument::parse(const std::string& text, bool quiet) {
    YamlDocument document;
    document.text_ = std::make_unique<std::string>(text);
    fy_parse_cfg config{};
    // With its anchors resolved, so that a table can say a thing once.
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_RESOLVE_DOCUMENT | (quiet ? FYPCF_QUIET : 0));
    document.document_.reset(fy_document_build_from_string(&config, document.text_->data(), document.text_->size()));
    if (!document.document_)
        return fail("not YAML (the parser's own words are on stderr)");
    return document;
}

}  // namespace catflap::test
