// SPDX-License-Identifier: Apache-2.0
#include "source/api/json_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace catflap;
using namespace catflap::source;

namespace {

struct Cut {
    std::vector<std::string> elements;
    std::string rest;
    std::string error;
};

// The text in pieces of so many bytes.
Cut cut(JsonSplitter::Mode mode, const std::string& text, size_t piece, size_t limit = 1000) {
    JsonSplitter splitter(mode, limit);
    Cut result;
    const auto take = [&](std::string_view element) -> Result<> {
        result.elements.emplace_back(element);
        return {};
    };
    for (size_t at = 0; at < text.size(); at += piece)
        if (const auto done = splitter.feed(std::string_view(text).substr(at, piece), take); !done) {
            result.error = done.error().message;
            return result;
        }
    const auto rest = splitter.finish();
    result.rest = rest.value_or("");
    result.error = rest ? "" : rest.error().message;
    return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a list is cut into its items, wherever the bytes are cut") {
    const std::string text =
        R"({"kind":"PodList","metadata":{"resourceVersion":"7","items":[1]},"items":[{"a":"}]\"{","b":[{"items":[]}]} , {"c":{}}],"x":"items"})";
    for (size_t piece = 1; piece <= text.size(); ++piece) {
        const Cut result = cut(JsonSplitter::Mode::items, text, piece);
        CAPTURE(piece);
        CHECK(result.error == "");
        CHECK(result.elements == Texts{R"({"a":"}]\"{","b":[{"items":[]}]})", R"({"c":{}})"});
        CHECK(result.rest ==
              R"({"kind":"PodList","metadata":{"resourceVersion":"7","items":[1]},"items":[],"x":"items"})");
    }
}

TEST_CASE("a list without items, and items that are null") {
    CHECK(cut(JsonSplitter::Mode::items, R"({"kind":"PodList","items":null})", 3).rest ==
          R"({"kind":"PodList","items":null})");
    CHECK(cut(JsonSplitter::Mode::items, R"({"kind":"PodList","items":[]})", 3).elements.empty());
    // The value of another key at the top level.
    CHECK(cut(JsonSplitter::Mode::items, R"({"kind":"items","others":[{"a":1}]})", 3).elements.empty());
}

TEST_CASE("a watch is cut into its events") {
    const std::string text = "{\"type\":\"ADDED\",\"object\":{\"a\":[\"\\\\\"]}}\n{\"type\":\"x\"}\r\n";
    for (size_t piece = 1; piece <= text.size(); ++piece)
        CHECK(cut(JsonSplitter::Mode::documents, text, piece).elements ==
              Texts{"{\"type\":\"ADDED\",\"object\":{\"a\":[\"\\\\\"]}}", "{\"type\":\"x\"}"});
}

TEST_CASE("what ends in the middle, is no JSON, or too long is refused") {
    CHECK(cut(JsonSplitter::Mode::items, R"({"items":[{"a":1})", 4).error ==
          "the text ends in the middle of an object");
    CHECK(cut(JsonSplitter::Mode::items, "", 4).error == "nothing came");
    CHECK(cut(JsonSplitter::Mode::items, "<html>", 4).error == "not JSON: '<' where an object is due");
    CHECK(cut(JsonSplitter::Mode::items, R"({"items":[7]})", 4).error ==
          "not JSON: '7' between the elements of a list");
    CHECK(cut(JsonSplitter::Mode::items, R"({"items":[]} {})", 4).error == "not JSON: '{' where an object is due");
    const std::string large = R"({"items":[{"a":")" + std::string(100, 'x') + "\"}]}";
    CHECK(cut(JsonSplitter::Mode::items, large, 4, 50).error == "an object of more than 50 bytes");
    CHECK(cut(JsonSplitter::Mode::documents, large, 4, 50).error == "an object of more than 50 bytes");
}

TEST_CASE("what refuses an element ends the stream") {
    JsonSplitter splitter(JsonSplitter::Mode::documents, 100);
    const auto done = splitter.feed("{}{}", [](std::string_view) -> Result<> { return fail("no"); });
    REQUIRE_FALSE(done);
    CHECK(done.error().message == "no");
}
