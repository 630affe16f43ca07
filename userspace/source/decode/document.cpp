// SPDX-License-Identifier: Apache-2.0
#include "source/decode/document.h"

#include "source/decode/builder.h"
#include "source/decode/readers.h"
#include "source/decode/text.h"

namespace catflap::source {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// {"a": ...} or {}: kubectl, too, takes what starts so for JSON and for nothing else.
bool looks_like_json(std::string_view text) {
    const size_t brace = text.find_first_not_of(kJsonSpaces);
    if (brace == std::string_view::npos || text[brace] != '{')
        return false;
    const size_t next = text.find_first_not_of(kJsonSpaces, brace + 1);
    return next != std::string_view::npos && (text[next] == '"' || text[next] == '}');
}

bool is_separator(std::string_view text) {
    return text.starts_with("---") && (text.size() == 3 || kJsonSpaces.find(text[3]) != std::string_view::npos);
}

}  // namespace

tl::expected<void, SyntaxError> read_documents(std::string_view text, const DocumentSink& sink) {
    if (text.starts_with(kByteOrderMark))
        text.remove_prefix(kByteOrderMark.size());
    Builder builder(sink);
    if (!looks_like_json(text))
        return read_yaml(text, builder, 1);
    if (const auto checked = check_text(text); !checked)
        return tl::unexpected(checked.error());
    const auto rest = read_json(text, builder);
    if (!rest)
        return tl::unexpected(rest.error());
    if (is_separator(rest->text))
        return read_yaml(rest->text, builder, rest->first_line);
    if (!rest->text.empty())
        return syntax_error(rest->first_line, "something follows the JSON document that is none");
    return {};
}

tl::expected<void, SyntaxError> read_json_document(std::string_view text, const DocumentSink& sink) {
    Builder builder(sink);
    const auto rest = read_json(text, builder, Unread::skipped);
    if (!rest)
        return tl::unexpected(rest.error());
    if (!rest->text.empty())
        return syntax_error(rest->first_line, "no JSON object, or something follows it");
    return {};
}

}  // namespace catflap::source
