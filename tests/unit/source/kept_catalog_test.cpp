// SPDX-License-Identifier: Apache-2.0
// What a cache holds of a file is a state to enforce only if it is all of it.
#include "source/catalog/kept_catalog.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "source/decode/api_object.h"

using namespace catflap;
using namespace catflap::source;

namespace {

const ApiKind kPods{"Pod", "v1", "pods"};

ApiObject pod(const std::string& name) {
    return decode_api_object(R"({"metadata":{"name":")" + name + R"(","namespace":"shop"},"spec":{"nodeName":"n1"}})",
                             kPods)
        .value();
}

Decoded list(std::initializer_list<const char*> names) {
    Decoded all;
    all.empty = false;
    for (const char* name : names)
        all.objects.push_back(pod(name).decoded.objects.front());
    return all;
}

struct File {
    File() { std::filesystem::remove(path); }
    ~File() { std::filesystem::remove(path); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] KeptCatalog open() const { return {path, "cluster https://h"}; }
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("catflap-kept-" + std::to_string(getpid()));
};

void save(KeptCatalog& catalog) {
    while (catalog.unsaved())
        REQUIRE(catalog.save());
}

}  // namespace

TEST_CASE("a file that was confirmed is whole after a restart, also when it changed since") {
    const File file;
    {
        KeptCatalog catalog = file.open();
        catalog.take("pods", list({"a", "b"}));
        catalog.confirm("pods");
        save(catalog);
        catalog.take_object("pods", "Pod shop/c", pod("c").decoded);
        catalog.remove_object("pods", "Pod shop/a");
        save(catalog);
    }
    KeptCatalog catalog = file.open();
    REQUIRE(catalog.restore_whole("pods"));
    CHECK(catalog.cluster().pods.size() == 2);
    CHECK(catalog.cluster().pods.contains({"shop", "c"}));
    CHECK_FALSE(catalog.restore_whole("services"));
}

TEST_CASE("what was not confirmed, or is damaged, is no state to enforce") {
    const File file;
    {
        KeptCatalog catalog = file.open();
        catalog.take("pods", list({"a", "b"}));
        save(catalog);
    }
    CHECK_FALSE(file.open().restore_whole("pods"));
    {
        KeptCatalog catalog = file.open();
        catalog.take("pods", list({"a", "b"}));
        catalog.confirm("pods");
        save(catalog);
    }
    CHECK(file.open().restore_whole("pods"));
    std::ofstream(file.path, std::ios::app) << "damage";
    CHECK_FALSE(file.open().restore_whole("pods"));
}

TEST_CASE("what a confirmed list does not have is gone from the cache, whatever becomes of other files") {
    const File file;
    {
        KeptCatalog catalog = file.open();
        catalog.take("pods", list({"a", "b"}));
        catalog.confirm("pods");
        save(catalog);
    }
    {
        KeptCatalog catalog = file.open();
        catalog.take("pods", list({"b"}));
        catalog.confirm("pods");
        save(catalog);
    }
    KeptCatalog catalog = file.open();
    REQUIRE(catalog.restore_whole("pods"));
    CHECK(catalog.cluster().pods.size() == 1);
}

TEST_CASE("what was restored and saved is not restored a second time as nothing") {
    const File file;
    {
        KeptCatalog catalog = file.open();
        catalog.take("pods", list({"a", "b"}));
        catalog.confirm("pods");
        save(catalog);
    }
    KeptCatalog catalog = file.open();
    REQUIRE(catalog.restore_whole("pods"));
    save(catalog);
    catalog.restore("pods");
    CHECK(catalog.cluster().pods.size() == 2);
}

TEST_CASE("an object that is larger than what is written at once is saved once, and then is saved") {
    const File file;
    ApiObject large = pod("large");
    std::get<Pod>(large.decoded.objects.front().object).labels.set("note", std::string(2 << 20, 'x'));
    KeptCatalog catalog = file.open();
    catalog.take("pods", list({"a", "b"}));
    catalog.take_object("pods", large.key, large.decoded);
    int rounds = 0;
    for (; catalog.unsaved() && rounds < 10; ++rounds)
        REQUIRE(catalog.save());
    CHECK(rounds < 10);
    CHECK(std::filesystem::file_size(file.path) < (3 << 20));
}
