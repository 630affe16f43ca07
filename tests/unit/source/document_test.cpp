// SPDX-License-Identifier: Apache-2.0
#include "source/decode/document.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace catflap;
using source::Value;

namespace {

// "{a: [1, 'x']}@1" and so on: everything that a Value knows, on one line.
std::string print(const Value& value) {
    std::string text;
    switch (value.kind()) {
        case Value::Kind::null:
            return "null";
        case Value::Kind::scalar:
            return value.is_quoted() ? fmt::format("'{}'", value.text()) : std::string(value.text());
        case Value::Kind::sequence:
            for (const Value* item : value.items())
                text += (text.empty() ? "" : ", ") + print(*item);
            return "[" + text + "]";
        case Value::Kind::mapping:
            for (const auto& entry : value.entries())
                text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", entry.key, print(*entry.value));
            return "{" + text + "}";
    }
    return "?";
}

struct Read {
    std::vector<std::string> documents;
    std::vector<std::string> items;
    int error_line = -1;
    std::string error;
};

Read read(std::string_view text, bool takes_items = false) {
    Read result;
    const source::DocumentSink sink{.item =
                                        [&](auto, const Value& item) {
                                            result.items.push_back(print(item));
                                            return takes_items;
                                        },
                                    .document = [&](const Value& value) { result.documents.push_back(print(value)); }};
    if (const auto done = source::read_documents(text, sink); !done) {
        result.error_line = done.error().line;
        result.error = done.error().message;
    }
    return result;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("documents, scalars and their quotes") {
    CHECK(read("a: 1\nb: \"1\"\n---\n- x\n- 'y'\n- |\n  z\n").documents ==
          Strings{"{a: 1, b: '1'}", "[x, 'y', 'z\n']"});
    CHECK(read("a:\nb: ~\nc: null\nd: ''\ne: !!str 8\n").documents ==
          Strings{"{a: null, b: null, c: null, d: '', e: '8'}"});
    CHECK(read("").documents.empty());
    CHECK(read("# nothing\n").documents.empty());
    CHECK(read("---\n---\na: 1\n").documents == Strings{"null", "{a: 1}"});
    CHECK(read("\xef\xbb\xbf"
               "a: 1\r\nb: 2\r\n")
              .documents == Strings{"{a: 1, b: 2}"});
}

TEST_CASE("JSON is read as it is written: tabs, escapes, surrogates") {
    const Read json = read("{\n\t\"a\":\t\"\\u00e9\\/\\ud83d\\ude00\\n\",\"b\":[1,true,null,\"1\"]}\n");
    CHECK(json.documents == Strings{"{a: 'é/😀\n', b: [1, true, null, '1']}"});
}

TEST_CASE("lines are counted from one") {
    std::vector<int> lines;
    const source::DocumentSink sink{.item = [](auto, const Value&) { return false; },
                                    .document =
                                        [&](const Value& value) {
                                            lines.push_back(value.line());
                                            for (const auto& entry : value.entries())
                                                lines.push_back(entry.value->line());
                                        }};
    REQUIRE(source::read_documents("# c\na:\n  b: 1\nc: 2\n---\nd: [\n 1]\n", sink));
    CHECK(lines == std::vector<int>{2, 3, 4, 6, 6});
}

TEST_CASE("an alias is its anchor's value, and can neither contain itself nor explode") {
    CHECK(read("a: &x {b: 1}\nc: *x\n").documents == Strings{"{a: {b: 1}, c: {b: 1}}"});
    CHECK(read("a: &x [*x]\n").error_line == 1);
    CHECK(read("a: *x\n").error.find("*x") != std::string::npos);
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        bomb += fmt::format("a{}: &a{} [", i, i);
        for (int k = 0; k < 10; ++k)
            bomb += fmt::format("*a{},", i - 1);
        bomb += "]\n";
    }
    CHECK(read(bomb).error.find("aliases stand for more") != std::string::npos);
}

TEST_CASE("what is not YAML is refused, with its line") {
    CHECK(read("a: 1\nb: [1, 2\n").error_line >= 2);
    CHECK(read("a:\n\tb: 1\n").error_line == 2);
    CHECK(read("{\"a\":1}\n{\"b\":2}\n").error_line == 2);
    CHECK(read(std::string_view("a: 1\nb\0c: 2\n", 12)).error_line == 2);
    CHECK(read("a: \"\xff\xfe\"\n").error_line == 1);
    CHECK(read("a: 100%\n---\n%YAML 1.2\n---\nb: 1\n").error_line == 3);
    CHECK(read("a: 100%\nb: '%'\n").documents == Strings{"{a: 100%, b: '%'}"});
    CHECK(read("? [a]\n: b\n").error.find("key") != std::string::npos);
    CHECK(read("a: !mine x\n").error.find("tag") != std::string::npos);
    CHECK(read(std::string(100, '[')).error.find("nested deeper") != std::string::npos);
}

TEST_CASE("elements of the top-level items are handed over one by one") {
    const char* list = "kind: List\nitems:\n- a: 1\n- b: [x]\nmetadata:\n  items: [c]\n";
    const Read taken = read(list, true);
    CHECK(taken.items == Strings{"{a: 1}", "{b: [x]}"});
    CHECK(taken.documents == Strings{"{kind: List, items: [], metadata: {items: [c]}}"});
    CHECK(read(list, false).documents == Strings{"{kind: List, items: [{a: 1}, {b: [x]}], metadata: {items: [c]}}"});
    // An anchor inside an element that is done with is still there for the next one.
    CHECK(read("items:\n- a: &x ['\\u0065', \"\\u0065\"]\n- b: *x\n- c: *x\n", true).items ==
          Strings{"{a: ['\\u0065', 'e']}", "{b: ['\\u0065', 'e']}", "{c: ['\\u0065', 'e']}"});
    CHECK(read("items: [{a: 1}]\nb: 1\nitems: [{\"\\u0063\": \"\\u0064\"}]\n", true).documents ==
          Strings{"{items: [], b: 1, items: []}"});
}

TEST_CASE("plain scalars that a parser of YAML 1.1 or 1.2 would not take for a string") {
    using source::plain_type;
    using source::PlainType;
    for (const char* text : {"", "~", "null", "NULL"})
        CHECK(plain_type(text) == PlainType::null);
    for (const char* text : {"true", "FALSE", "yes", "Off", "on"})
        CHECK(plain_type(text) == PlainType::boolean);
    for (const char* text :
         {"0", "-12", "+1", "1.5", ".5", "1e9", "1E-3", "0x1F", "0o17", "0b1", "1_000", ".inf", "-.INF", ".nan", "080"})
        CHECK_MESSAGE(plain_type(text) == PlainType::number, text);
    for (const char* text :
         {"web", "1a", "1.2.3", "10.0.0.0/8", "0x", "e9", "1e", "-", ".", "yess", "0xg", "2024-01-01", "_1"})
        CHECK_MESSAGE(plain_type(text) == PlainType::string, text);
}
