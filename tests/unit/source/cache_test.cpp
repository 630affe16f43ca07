// SPDX-License-Identifier: Apache-2.0
#include "source/cache/cache.h"

#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "source/cache/manifest_text.h"
#include "unit/source/scratch.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

namespace {

constexpr const char* kSource = "directory /somewhere";

struct Place : Scratch {
    [[nodiscard]] fs::path path() const { return root / "last-good"; }
    [[nodiscard]] Cache open(const std::string& source = kSource) const { return {path(), source}; }
    [[nodiscard]] std::string bytes() const {
        std::ifstream file(path(), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void set_bytes(const std::string& text) const { std::ofstream(path(), std::ios::binary) << text; }
};

void put(Cache& cache, const std::string& file, const Object& object, bool stands_in = false) {
    REQUIRE(cache.put(file, object_key(object), stands_in, manifest_text(object)));
}

Namespace a_namespace(const std::string& name, const std::string& label) {
    return {name, {{"l", label}}};
}

// "a=x b=y": the namespaces that the file had.
std::string known(Cache& cache, const std::string& file) {
    std::map<std::string, std::string> labels;
    for (const LocatedObject& located : cache.read(file).objects)
        labels[std::get<Namespace>(located.object).name] = std::get<Namespace>(located.object).labels.at("l");
    std::string text;
    for (const auto& [name, label] : labels)
        text += (text.empty() ? "" : " ") + name + "=" + label;
    return text;
}

// a, b and c, one write each.
void write_three(const Place& place) {
    Cache cache = place.open();
    for (const char* name : {"a", "b", "c"}) {
        put(cache, "f.yaml", a_namespace(name, "x"));
        REQUIRE(cache.flush());
    }
}

}  // namespace

TEST_CASE("the last version of each object is known to the next start, by file") {
    const Place place;
    {
        Cache cache = place.open();
        CHECK(cache.status().lost.empty());
        CHECK(cache.files().empty());
        put(cache, "f.yaml", a_namespace("a", "x"));
        put(cache, "g.yaml", a_namespace("a", "z"));
        REQUIRE(cache.flush());
        put(cache, "f.yaml", a_namespace("a", "y"));
        put(cache, "f.yaml", a_namespace("b", "x"));
        put(cache, "f.yaml", a_namespace("c", "x"));
        REQUIRE(cache.remove("f.yaml", "Namespace b"));
        REQUIRE(cache.flush());
    }
    Cache cache = place.open();
    CHECK(cache.status().lost.empty());
    CHECK(cache.status().error.empty());
    CHECK(cache.status().saved_at > std::chrono::system_clock::now() - std::chrono::hours(1));
    CHECK(cache.files() == std::set<std::string>{"f.yaml", "g.yaml"});
    CHECK(known(cache, "f.yaml") == "a=y c=x");
    CHECK(known(cache, "g.yaml") == "a=z");
    CHECK(known(cache, "none.yaml").empty());
    CHECK((fs::status(place.path()).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a stand-in comes back as one") {
    const Place place;
    Policy policy{.name = {"a", "p"}, .pods = {}, .isolates_ingress = true, .ingress = {}, .egress = {}};
    policy.stands_in = true;
    {
        Cache cache = place.open();
        put(cache, "f.yaml", policy, true);
        REQUIRE(cache.flush());
    }
    Cache cache = place.open();
    const Decoded decoded = cache.read("f.yaml");
    CHECK(decoded.objects.empty());
    REQUIRE(decoded.stand_ins.size() == 1);
    CHECK(std::get<Policy>(decoded.stand_ins[0].object) == policy);
}

TEST_CASE("what is put again as it was is not written, and what is not put is forgotten") {
    const Place place;
    write_three(place);
    {
        Cache cache = place.open();
        put(cache, "f.yaml", a_namespace("a", "x"));
        put(cache, "f.yaml", a_namespace("b", "new"));
        const std::string before = place.bytes();
        REQUIRE(cache.flush());
        CHECK(place.bytes().size() - before.size() < before.size() / 2);  // one record of three
        REQUIRE(cache.forget());
        REQUIRE(cache.flush());
    }
    Cache cache = place.open();
    CHECK(known(cache, "f.yaml") == "a=x b=new");
}

TEST_CASE("cut off anywhere: the whole records before it count, and it is told") {
    const Place place;
    std::set<size_t> ends = {0};
    {
        Cache cache = place.open();
        REQUIRE(cache.flush());
        ends.insert(cache.status().bytes);
        for (const char* name : {"a", "b", "c"}) {
            put(cache, "f.yaml", a_namespace(name, "x"));
            REQUIRE(cache.flush());
            ends.insert(cache.status().bytes);
        }
    }
    const std::string whole = place.bytes();
    std::set<std::string> seen;
    for (size_t length = 0; length < whole.size(); ++length) {
        place.set_bytes(whole.substr(0, length));
        std::string left;
        {
            Cache cache = place.open();
            left = known(cache, "f.yaml");
            seen.insert(left);
            // An end between two records cannot be told from the end; nor an empty file from none.
            CHECK(cache.status().lost.empty() == ends.contains(length));
            put(cache, "f.yaml", a_namespace("d", "x"));
            REQUIRE(cache.flush());
        }
        Cache again = place.open();
        CHECK(again.status().lost.empty());
        CHECK(known(again, "f.yaml") == left + (left.empty() ? "" : " ") + "d=x");
    }
    CHECK(seen == std::set<std::string>{"", "a=x", "a=x b=x"});
}

TEST_CASE("any byte damaged: nothing else than what was written counts, and it is told") {
    const Place place;
    write_three(place);
    const std::string whole = place.bytes();
    for (size_t at = 0; at < whole.size(); ++at)
        for (const int bit : {0, 5, 7}) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            place.set_bytes(damaged);
            Cache cache = place.open();
            const std::string left = known(cache, "f.yaml");
            CAPTURE(at);
            CHECK((left.empty() || left == "a=x" || left == "a=x b=x"));
            CHECK_FALSE(cache.status().lost.empty());
        }
}

TEST_CASE("another layout, another source, no file at all: nothing counts, and it is told") {
    const Place place;
    write_three(place);
    std::string text = place.bytes();
    {
        Cache cache = place.open("directory /elsewhere");
        CHECK(cache.files().empty());
        CHECK(cache.status().lost.find("it is of directory /somewhere, and not of directory /elsewhere") !=
              std::string::npos);
    }
    text.replace(text.find("layout 1"), 8, "layout 2");
    place.set_bytes(text);
    {
        Cache cache = place.open();
        CHECK(cache.files().empty());
        CHECK(cache.status().lost.find("another layout") != std::string::npos);
        put(cache, "f.yaml", a_namespace("a", "x"));
        REQUIRE(cache.flush());
    }
    Cache again = place.open();
    CHECK(known(again, "f.yaml") == "a=x");
}

TEST_CASE("where it cannot be written it says so, and catches up when it can") {
    const Place place;
    fs::create_directory(place.path());
    Cache cache = place.open();
    CHECK(cache.status().error.find("open " + place.path().string()) == 0);
    put(cache, "f.yaml", a_namespace("a", "x"));
    CHECK_FALSE(cache.flush());
    CHECK(cache.unwritten() > 0);
    fs::remove(place.path());
    REQUIRE(cache.flush());
    CHECK(cache.status().error.empty());
    Cache again = place.open();
    CHECK(known(again, "f.yaml") == "a=x");
}

TEST_CASE("it does not grow without end; what is written while it is compacted is not lost") {
    const Place place;
    const std::string long_label(60, 'x');
    std::string last;
    uint64_t largest = 0;
    {
        Cache cache = place.open();
        put(cache, "f.yaml", a_namespace("fixed", "x"));
        for (int round = 0; round < 60; ++round) {
            for (int i = 0; i < 500; ++i) {
                last = fmt::format("{}-{}", round, i);
                put(cache, "f.yaml", a_namespace("changing", last));
                put(cache, "f.yaml", a_namespace(fmt::format("n{}", i), long_label));
            }
            REQUIRE(cache.flush());
            largest = std::max(largest, cache.status().bytes);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));  // for the other thread; nothing depends on it
        }
        for (int tries = 0; tries < 2000 && cache.status().bytes > largest / 2; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            REQUIRE(cache.flush());
        }
        CHECK(cache.status().bytes < largest);
        CHECK(fs::file_size(place.path()) == cache.status().bytes);
    }
    Cache cache = place.open();
    CHECK(cache.status().lost.empty());
    const std::string left = known(cache, "f.yaml");
    CHECK(left.find("changing=" + last + " fixed=x n0=" + long_label) == 0);
    CHECK(cache.read("f.yaml").objects.size() == 502);
}

TEST_CASE("an agent that was killed while it compacted leaves the old file, which is as good") {
    const Place place;
    write_three(place);
    std::ofstream(place.path().string() + ".new") << "half a file";
    Cache cache = place.open();
    CHECK(known(cache, "f.yaml") == "a=x b=x c=x");
    CHECK_FALSE(fs::exists(place.path().string() + ".new"));
    // Written to the end, and not renamed.
    const auto compacted = compact_records(place.path(), place.path().string() + ".new", cache.status().bytes);
    REQUIRE(compacted);
    Cache again = place.open();
    CHECK(known(again, "f.yaml") == "a=x b=x c=x");
    CHECK_FALSE(fs::exists(place.path().string() + ".new"));
}
