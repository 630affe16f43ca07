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
    CHECK(read("{\"a\":1}\n{\"b\":-2.5e1}{} \n").documents == Strings{"{a: 1}", "{b: -2.5e1}", "{}"});
    CHECK(read("{\"a\":1}\n---\nb: 2\n---\n{\"c\": 3}\n").documents == Strings{"{a: 1}", "{b: 2}", "{c: 3}"});
    CHECK(read("{\"a\":1}\n---\nb: [\n").error_line == 4);
    CHECK(read("b: 1\n---\n{\n\t\"a\": 1\n}\n").documents == Strings{"{b: 1}", "{a: 1}"});
    CHECK(read("{a: 1, 'b': [x]}\n").documents == Strings{"{a: 1, b: [x]}"});
}

TEST_CASE("what kubectl reads: brackets at the key's column, an empty last element, tabs in flow") {
    CHECK(read("a:\n  v: [\n1,2\n]\nb: {\n  c: 1\n}\n").documents == Strings{"{a: {v: [1, 2]}, b: {c: 1}}"});
    CHECK(read("a:\n  b: \"x\n  y\n\n  z\"\nc: 'q\nr'\n").documents == Strings{"{a: {b: 'x y\nz'}, c: 'q r'}"});
    CHECK(read("k:\n- a\n-\n").documents == Strings{"{k: [a, null]}"});
    CHECK(read("k: [\n\ta,\tb\t,\n]\n").documents == Strings{"{k: [a, b]}"});
    CHECK(read("a: [a:b, c: d]\n").documents == Strings{"{a: [a:b, {c: d}]}"});
    CHECK(read("a: 1\r\n---\r\nb: 2\r\n...\r\n---\r\n").documents == Strings{"{a: 1}", "{b: 2}", "null"});
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
    lines.clear();
    REQUIRE(source::read_documents("\n{\n\"a\": 1\n,\n\"b\": [\n{}\n]\n, \"c\":\n2}\n{\"d\":\n\"x\"}", sink));
    CHECK(lines == std::vector<int>{2, 3, 5, 9, 10, 11});
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
    CHECK(read(std::string_view("a: 1\nb\0c: 2\n", 12)).error_line == 2);
    CHECK(read("a: \"\xff\xfe\"\n").error_line == 1);
    CHECK(read("a: 100%\n---\n%YAML 1.2\n---\nb: 1\n").error_line == 3);
    CHECK(read("a: 100%\nb: '%'\n").documents == Strings{"{a: 100%, b: '%'}"});
    CHECK(read("? [a]\n: b\n").error.find("key") != std::string::npos);
    CHECK(read("a: *x\n").error_line == 1);
    CHECK(read("{\"a\":1,\n\"b\":2,}\n").error_line == 2);
    CHECK(read("{\"a\":\"\\ud83d\"}").error_line == 1);
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
