// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml.h"

#include <doctest/doctest.h>
#include <libfyaml.h>

#include <memory>
#include <nlohmann/json.hpp>

using namespace catflap::cli;
using nlohmann::json;

namespace {

// What another implementation reads: libfyaml's own JSON of it.
json read_back(const std::string& yaml) {
    const std::unique_ptr<fy_document, void (*)(fy_document*)> document(
        fy_document_build_from_string(nullptr, yaml.data(), yaml.size()), fy_document_destroy);
    REQUIRE_MESSAGE(document, yaml);
    const std::unique_ptr<char, void (*)(void*)> text(fy_emit_document_to_string(document.get(), FYECF_MODE_JSON),
                                                      free);
    REQUIRE(text);
    return json::parse(text.get());
}

}  // namespace

TEST_CASE("items as YAML") {
    const json items = {{{"name", "web"}, {"members", {"10.0.0.1", "fd00::1"}}, {"none", json::array()}, {"n", 7}},
                        {{"fromPod", {{"allowedPackets", 1}}}, {"stale", false}, {"rule", nullptr}}};
    CHECK(to_yaml(items) ==
          "- members:\n"
          "    - \"10.0.0.1\"\n"
          "    - fd00::1\n"
          "  \"n\": 7\n"
          "  name: web\n"
          "  none: []\n"
          "- fromPod:\n"
          "    allowedPackets: 1\n"
          "  rule: null\n"
          "  stale: false\n");
    CHECK(to_yaml(json::array()) == "[]\n");
    CHECK(to_yaml("x") == "x\n");
    CHECK(to_yaml(json{{json::array({1, json::array({2})})}}) == "- - - 1\n    - - 2\n");
}

TEST_CASE("a string stays a string") {
    for (const std::string text :
         {"true",     "No",    "null", "~",     "8080", "1e3",  "0x1f", "1:20", "2026-11-23", ".5",   "-",
          "- a",      "a: b",  "a:",   "a #b",  "#a",   "&a",   "*a",   "!a",   "%a",         "@a",   "`a",
          "a,b",      "[a]",   "{a}",  "\"a\"", "'a'",  "a\nb", "a\tb", " a",   "a ",         "",     "\x7f",
          "\xc2\x85", "größe", "y",    "|",     ">",    "?",    "---",  "<<",   "=",          "a\\b", "\x1b[0m"}) {
        CAPTURE(text);
        const std::string yaml = to_yaml({{"key", text}, {text, 1}});
        const json read = read_back(yaml);
        if (text != "\x7f" && text != "\xc2\x85")  // libfyaml's JSON has no escape for them
            CHECK(read == json{{"key", text}, {text, 1}});
        const bool plain = yaml.find('"') == std::string::npos;
        CHECK_FALSE(plain);
    }
    for (const std::string text : {"kube-system", "/run/catflap", "a:b", "a b", "fd00::1", "Ingress"})
        CHECK(to_yaml(text) == text + "\n");
}
