// SPDX-License-Identifier: Apache-2.0
// Nothing ends a text but its end: a parser that stops early would take rules away in silence.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "source/decode/document.h"
#include "source/decode/text.h"
#include "support/table/yaml.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

const std::string kManifest =
    "# a comment\n"
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: web, namespace: \"shop\"}\n"
    "spec:\n"
    "  podSelector:\n"
    "    matchLabels: {app: 'web'}\n"
    "  ingress:\n"
    "  - from:\n"
    "    - namespaceSelector: {}   # everyone\n"
    "    ports:\n"
    "    - port: 8080\n"
    "  policyTypes: [Ingress, Egress]\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Namespace\n"
    "metadata:\n"
    "  name: last\n"
    "  annotations:\n"
    "    note: |\n"
    "      a text\n"
    "      of two lines\n"
    "    folded: >-\n"
    "      another\n"
    "    plain: goes on\n"
    "      here\n";

std::string with(const std::string& text, size_t at, std::string_view inserted) {
    return std::string(text).insert(at, inserted);
}

std::string_view line_of(std::string_view text, size_t at) {
    const size_t start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;  // npos + 1 is 0
    return text.substr(start, text.find('\n', start) - start);
}

bool is_refused(const Decoded& decoded) {
    return !decoded.refusals.empty();
}

// "{a: [1]}", for comparison.
std::string print(const Value& value) {
    std::string text;
    switch (value.kind()) {
        case Value::Kind::null:
            return "null";
        case Value::Kind::scalar:
            return fmt::format("'{}'", value.text());
        case Value::Kind::sequence:
            for (const Value* item : value.items())
                text += print(*item) + ",";
            return "[" + text + "]";
        case Value::Kind::mapping:
            for (const Entry& entry : value.entries())
                text += fmt::format("'{}':{},", entry.key, print(*entry.value));
            return "{" + text + "}";
    }
    return "?";
}

std::string print(const test::Yaml& node) {
    std::string text;
    if (node.is_mapping()) {
        for (const auto& [key, value] : node.entries())
            text += fmt::format("'{}':{},", key, print(value));
        return "{" + text + "}";
    }
    if (node.is_sequence()) {
        for (const test::Yaml& item : node.items())
            text += print(item) + ",";
        return "[" + text + "]";
    }
    return node.is_null() ? "null" : fmt::format("'{}'", node.text());
}

// Our reading of a text of one document; nothing where it is refused.
std::optional<std::string> ours(const std::string& text) {
    std::vector<std::string> documents;
    const DocumentSink sink{.item = [](auto, const Value&) { return false; },
                            .document = [&](const Value& value) { documents.push_back(print(value)); }};
    if (!read_documents(text, sink) || documents.size() != 1)
        return std::nullopt;
    return documents[0];
}

std::optional<std::string> theirs(const std::string& text) {
    const Result<test::YamlDocument> document = test::YamlDocument::parse(text, /*quiet=*/true);
    return document ? std::optional(print(document->root())) : std::nullopt;
}

}  // namespace

TEST_CASE("a byte that is not UTF-8 refuses the file with its line, wherever it stands") {
    REQUIRE(refusals(decode(kManifest, "f")).empty());
    for (const std::string_view wrong : {"\xe9", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
        for (size_t at = 0; at <= kManifest.size(); ++at) {
            const Decoded decoded = decode(with(kManifest, at, wrong), "f");
            CAPTURE(at);
            REQUIRE(decoded.unreadable);
            REQUIRE(decoded.refusals.at(0).line == line_at(kManifest, at));
            REQUIRE(decoded.refusals[0].message.find("is not UTF-8") != std::string::npos);
        }
}

TEST_CASE("the comment that opened a policy: # r\\351seau between from and ports") {
    const Decoded decoded = decode(with(kManifest, kManifest.find("    ports:"), "    # r\351seau\n"), "p.yaml");
    CHECK(decoded.objects.empty());
    CHECK(refusals(decoded) ==
          Strings{"p.yaml:11: not YAML or JSON: the byte 0xe9 is not UTF-8; save the file as UTF-8"});
}

TEST_CASE("control characters refuse the file, wherever they stand") {
    for (const std::string_view wrong :
         {std::string_view("\0", 1), std::string_view("\x01"), std::string_view("\x0c"), std::string_view("\x1b"),
          std::string_view("\x7f"), std::string_view("\xc2\x80"), std::string_view("\xef\xbf\xbe"),
          std::string_view("\xef\xbf\xbf")})
        for (size_t at = 0; at <= kManifest.size(); ++at) {
            CAPTURE(at);
            REQUIRE(decode(with(kManifest, at, wrong), "f").unreadable);
        }
    CHECK(check_text("a\tb\r\n\xc2\x85\xe2\x80\xa8 \xf0\x9f\x98\x80").value() == 9);
}

TEST_CASE("so in JSON, whose parser takes a NUL for the end") {
    const std::string json = "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\",\n \"metadata\": {\"name\": \"a\"}}\n";
    const std::string two = json + json;
    REQUIRE(refusals(decode(two, "f")).empty());
    for (const std::string_view wrong : {std::string_view("\0", 1), std::string_view("\xe9"), std::string_view("\x01")})
        for (size_t at = 0; at <= two.size(); ++at) {
            const Decoded decoded = decode(with(two, at, wrong), "f");
            CAPTURE(at);
            REQUIRE(decoded.unreadable);
            REQUIRE(decoded.refusals.at(0).line == line_at(two, at));
        }
    for (char c = ' '; c <= '~'; ++c)
        for (size_t at = 2; at <= json.size(); ++at) {
            const Decoded decoded = decode(with(json, at, std::string(1, c)) + "---\n" + json, "f");
            CAPTURE(at);
            REQUIRE((is_refused(decoded) || !decoded.objects.empty()));
        }
}

// Under the sanitizers every character at each third place, and its neighbours at the others.
#ifdef CATFLAP_SANITIZED
constexpr size_t kStep = 3;
#else
constexpr size_t kStep = 1;
#endif

TEST_CASE("one character more, anywhere: refused, or the last object of the file is still there") {
    Strings inserted = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",  "\n",      "\r", "\r\n",
                        "\t",       "\n...\n",      "\n---\n",      "\n%YAML 1.1\n", "\xc2\xa0"};
    for (char c = ' '; c <= '~'; ++c)
        inserted.emplace_back(1, c);
    size_t first = 0;
    for (const std::string& one : inserted)
        for (size_t at = first++ % kStep; at <= kManifest.size(); at += kStep) {
            const Decoded decoded = decode(with(kManifest, at, one), "f");
            if (is_refused(decoded))
                continue;
            CAPTURE(at);
            CAPTURE(one);
            REQUIRE_FALSE(decoded.objects.empty());
            // v/1 is the version of another group, whose kinds are passed over.
            const bool other_group = one == "/" && line_of(kManifest, at).starts_with("apiVersion");
            const bool is_last = std::holds_alternative<Namespace>(decoded.objects.back().object);
            REQUIRE((is_last || other_group));
            REQUIRE((decoded.objects.size() == 2 || other_group));
            if (const auto* policy = std::get_if<Policy>(&decoded.objects.front().object)) {
                const bool in_rules = at >= kManifest.find("  ingress:") && at < kManifest.find("---");
                REQUIRE((in_rules || policy->ingress.size() == 1));
            }
        }
}

TEST_CASE("where another parser reads the same text, it reads the same") {
    const std::string policy = kManifest.substr(0, kManifest.find("---"));
    // Without the folded text: libfyaml takes lines at the key's own indentation into it.
    const size_t second = kManifest.find("---") + 4;
    const std::string ns = kManifest.substr(second, kManifest.find("    folded:") - second);
    REQUIRE(ours(policy) == theirs(policy));
    REQUIRE(ours(ns) == theirs(ns));
    size_t both = 0;
    const auto compare = [&](const std::string& text) {
        const std::optional<std::string> mine = ours(text);
        const std::optional<std::string> other = mine ? theirs(text) : std::nullopt;
        if (!mine || !other)
            return;
        ++both;
        CAPTURE(text);
        CHECK(*mine == *other);
    };
    std::mt19937 random(11);
    const auto pick = [&](size_t size) { return std::uniform_int_distribution<size_t>(0, size - 1)(random); };
    // Not '?', which YAML 1.2 reads otherwise in a flow mapping.
    static constexpr std::string_view kCharacters = "ax 0-:#,[]{}'\"|>&*!\n\t\\/.";
    for (const std::string& text : {policy, ns})
        for (int i = 0; i < 3000; ++i) {
            std::string mutated = text;
            for (size_t edits = 1 + pick(2); edits > 0; --edits)
                mutated.insert(pick(mutated.size() + 1), 1, kCharacters[pick(kCharacters.size())]);
            compare(mutated);
        }
    CHECK(both > 1000);
}

TEST_CASE("what follows the end of a document is an error, or the next document") {
    const auto error = [](const std::string& text) {
        const Decoded decoded = decode(text, "f");
        return decoded.unreadable ? decoded.refusals.at(0).line : 0;
    };
    CHECK(error("kind: A\n...\njunk: 2\n") == 3);
    CHECK(error("kind: A\n... junk\n") == 2);
    CHECK(error("{\"a\": 1}\njunk: 1\n") == 2);
    CHECK(error("{\"a\": 1} ,") == 1);
    CHECK(error("{\"a\": 1}]") == 1);
    CHECK(error("[1]\n[2]\n") == 2);
    CHECK(error("a: [b, c]]\n") == 1);
    CHECK(error("a: 1\n]\n") == 2);
    CHECK(error("a: [1, 2\n") == 2);
    CHECK(error("a: \"b\n") == 2);
    CHECK(error("%YAML 1.1\n---\na: 1\n") > 0);
    CHECK(error("a: 1\n---\n%TAG ! x\n---\nb: 1\n") > 0);
}

TEST_CASE("deep nesting, long keys and long lines are bounded") {
    CHECK(decode(std::string(1 << 20, '['), "f").unreadable);
    CHECK(decode(std::string(1 << 20, '{'), "f").unreadable);
    CHECK(decode("{\"a\":" + std::string(1 << 20, '['), "f").unreadable);
    std::string block;
    for (int depth = 0; depth < 2000; ++depth)
        block += std::string(static_cast<size_t>(depth), ' ') + "a:\n";
    CHECK(decode(block, "f").unreadable);
    CHECK(decode(std::string(1 << 20, '-'), "f").objects.empty());
    CHECK(decode(std::string(1 << 20, 'a') + ": 1\n", "f").objects.empty());
}

TEST_CASE("a template says that it is one") {
    const auto refusal = [](const std::string& text) { return refusals(decode(text, "t.yaml")).at(0); };
    const std::string expected = "this is a template ({{ }} or {% %}): render it first (helm template ...)";
    CHECK(refusal("kind: Pod\nmetadata:\n  name: {{ .Values.name }}\n") == "t.yaml:3: " + expected);
    CHECK(refusal("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n") == "t.yaml:1: " + expected);
    CHECK(refusal("kind: Pod\n{% if x %}\n") == "t.yaml:2: " + expected);
    CHECK(refusal("kind: Pod\nnote: \"{{ x }}\"\nbad: [\n").find("template") == std::string::npos);
    CHECK(refusal("apiVersion: v1\nkind: Pod\nmetadata: {name: '{{ .Values.name }}'}\n") ==
          "t.yaml:3: metadata.name: \"{{ .Values.name }}\" is a template; render it first (helm template ...)");
    CHECK(
        refusals(decode("apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {a: '{{ x }}'}}\n", "f")).empty());
}
