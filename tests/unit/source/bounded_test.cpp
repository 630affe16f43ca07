// SPDX-License-Identifier: Apache-2.0
// No text costs more than a few times its own size, and a large one leaves nothing behind.
#include <doctest/doctest.h>
#include <malloc.h>

#include "source/decode/document.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

size_t bytes_in_use() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

std::string repeated(size_t times, const auto& line) {
    std::string text;
    for (size_t i = 0; i < times; ++i)
        text += line(i);
    return text;
}

// The most memory in use while the elements of a list are handed over.
size_t peak_of(const std::string& text, size_t expected) {
    size_t items = 0;
    size_t peak = 0;
    const size_t before = bytes_in_use();
    const DocumentSink sink{.item =
                                [&](auto, const Value&) {
                                    ++items;
                                    peak = std::max(peak, bytes_in_use());
                                    return true;
                                },
                            .document = [](const Value&) {}};
    CHECK(read_documents(text, sink));
    CHECK(items == expected);
    return peak - std::min(peak, before);
}

}  // namespace

TEST_CASE("a list is read element by element, on one line and on many, in JSON and in YAML") {
    constexpr size_t kItems = 20'000;
    constexpr size_t kBound = size_t{1} << 20;
    const std::string pod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"a":"b","c":"d"}}})";
    const std::string items = repeated(kItems, [&](size_t i) { return (i > 0 ? "," : "") + pod; });
    CHECK(peak_of(R"({"apiVersion":"v1","kind":"List","items":[)" + items + "]}", kItems) < kBound);
    CHECK(peak_of(R"({"items":[)" + items + R"(],"apiVersion":"v1","kind":"List"})", kItems) < kBound);
    CHECK(peak_of("kind: List\nitems: [" + items + "]\n", kItems) < kBound);
    CHECK(peak_of("kind: List\nitems:\n" + repeated(kItems, [&](size_t) { return "- " + pod + "\n"; }), kItems) <
          kBound);
}

TEST_CASE("60,000 CIDRs in one policy leave nothing behind") {
    const std::string text =
        R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},"spec":{"ingress":[{"from":[)" +
        repeated(60'000,
                 [](size_t i) {
                     return fmt::format(R"({}{{"ipBlock":{{"cidr":"10.{}.{}.{}/32"}}}})", i > 0 ? "," : "", i >> 16,
                                        i >> 8 & 255, i & 255);
                 }) +
        "]}]}}";
    const size_t before = bytes_in_use();
    {
        const Decoded decoded = decode(text, "f");
        REQUIRE(decoded.objects.size() == 1);
        CHECK(std::get<Policy>(decoded.objects[0].object).ingress.at(0).peers.size() == 60'000);
    }
    CHECK(bytes_in_use() < before + (size_t{1} << 20));
}

TEST_CASE("diagnostics are kept up to a number, and the others are counted") {
    const auto policy = [](const std::string& spec) {
        return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n" + spec;
    };
    const Decoded fields =
        decode(policy(repeated(100'000, [](size_t i) { return fmt::format("  f{}: 1\n", i); })), "f");
    CHECK(fields.refusals.size() == 21);
    CHECK(to_string(fields.refusals.back()) == "f:1: NetworkPolicy default/p: and 99980 more of this kind");
    CHECK(to_string(fields.refusals[19]).starts_with("f:24: NetworkPolicy default/p: spec.f19: "));

    const Decoded objects = decode(repeated(1'000, [](size_t) { return "---\nkind: Pod\n"; }), "f");
    CHECK(objects.refusals.size() == 201);
    CHECK(to_string(objects.refusals.back()) == "f: and 800 more refusals, which are not listed");
    CHECK(objects.refusals.back().object.empty());  // so that nothing of the file's last good versions goes

    const Decoded warned = decode(
        repeated(1'000,
                 [](size_t i) {
                     return fmt::format("---\napiVersion: x/v1\nkind: NetworkPolicy\nmetadata: {{name: p{}}}\n", i);
                 }),
        "f");
    CHECK(warned.refusals.empty());
    CHECK(warned.warnings.size() == 201);
    CHECK(warned.warnings.back().message == "and 800 more warnings, which are not listed");

    const Decoded doubles = decode(
        repeated(1'000,
                 [](size_t i) {
                     return fmt::format(
                         "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: a, labels: {{i: 'a{}'}}}}\n", i);
                 }),
        "f");
    CHECK(doubles.objects.size() == 1);
    CHECK(doubles.refusals.size() == 201);
}

TEST_CASE("a file of too many documents is refused as a whole") {
    CHECK_FALSE(decode(repeated(500'000, [](size_t) { return "---\n"; }), "f").unreadable);
    const Decoded many = decode(repeated(500'001, [](size_t) { return "---\n"; }), "f");
    CHECK(many.unreadable);
    CHECK(many.refusals.at(0).message == "not YAML or JSON: more than 500000 documents; split it into several files");
}
