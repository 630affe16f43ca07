// SPDX-License-Identifier: Apache-2.0
// A watched directory to write manifests into, and what is held of it.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "source/directory/directory.h"

namespace catflap::source::test {

namespace fs = std::filesystem;

// A directory of its own for each test, with a child `d` that is watched and room beside it.
struct Scratch {
    Scratch() {
        std::string pattern = (fs::temp_directory_path() / "catflap-source-XXXXXX").string();
        root = mkdtemp(pattern.data());
        dir = root / "d";
        fs::create_directory(dir);
    }
    ~Scratch() { fs::remove_all(root); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    void write(const std::string& name, const std::string& text) const { std::ofstream(dir / name) << text; }
    void write_by_rename(const std::string& name, const std::string& text) const {
        std::ofstream(root / "tmp") << text;
        fs::rename(root / "tmp", dir / name);
    }
    [[nodiscard]] Directory open() const {
        Result<Directory> opened = Directory::open(dir);
        REQUIRE(opened);
        return std::move(*opened);
    }

    fs::path root;
    fs::path dir;
};

inline std::string ns(const std::string& name, const std::string& label = "x") {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {l: '" + label + "'}}\n---\n";
}
// A label that is a number, without quotes.
inline std::string bad_ns(const std::string& name) {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {l: 1}}\n---\n";
}

// "a=x b=y": every namespace and its label.
inline std::string held(const Directory& directory) {
    std::string text;
    for (const auto& [name, value] : directory.cluster().namespaces)
        text += (text.empty() ? "" : " ") + name + "=" + value.labels.at("l");
    return text;
}

inline bool readable(const Directory& directory, int timeout_ms = 0) {
    pollfd entry{directory.fd(), POLLIN, 0};
    return poll(&entry, 1, timeout_ms) == 1;
}

// The change was announced, and refresh() says that it was one. Nothing is left to do afterwards.
inline void changes(Directory& directory) {
    CHECK(readable(directory, 1000));
    const Result<bool> refreshed = directory.refresh();
    REQUIRE(refreshed);
    CHECK(*refreshed);
    CHECK_FALSE(readable(directory));
}
inline void changes_nothing(Directory& directory) {
    const Result<bool> refreshed = directory.refresh();
    REQUIRE(refreshed);
    CHECK_FALSE(*refreshed);
}

}  // namespace catflap::source::test
