// SPDX-License-Identifier: Apache-2.0
// What `catflap check` is given and is no manifest, and names that would drive a terminal.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "unit/cli/fake_agent.h"

using namespace catflap::cli::test;
using nlohmann::json;

namespace {

const json kPod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"}})"_json;

size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("check: a directory with a FIFO, a device and a socket neither hangs nor grows") {
    const Directory dir;
    std::ofstream(dir.path() / "a.json") << kPod.dump();
    REQUIRE(mkfifo((dir.path() / "pipe.yaml").c_str(), 0600) == 0);
    std::filesystem::create_symlink("/dev/zero", dir.path() / "zero.yaml");
    std::filesystem::create_directory(dir.path() / "dir.yaml");
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (dir.path() / "s.yaml").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    const Run run = run_cli({"check", dir.path().string()});
    close(listener);
    CHECK(run.exit_code == 1);
    CHECK(run.out == "1 object, 0 refused\n");
    const std::string path = dir.path().string();
    CHECK(has(run.err, path + "/pipe.yaml is a pipe, not a file; move it elsewhere\n"));
    CHECK(has(run.err, path + "/zero.yaml is a device, not a file; move it elsewhere\n"));
    CHECK(has(run.err, path + "/dir.yaml is a directory, not a file; move it elsewhere\n"));
    CHECK(has(run.err, path + "/s.yaml is a socket or a device, not a file; move it elsewhere\n"));
    CHECK(lines(run.err) == 4);
}

TEST_CASE(
    "check: a pipe by name, as a shell's <(helm template ...), is read to its end; without a writer it is empty") {
    const Directory dir;
    const std::string path = (dir.path() / "pipe").string();
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    CHECK(run_cli({"check", path}).out == "0 objects, 0 refused\n");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::thread writer([&] {
        const std::string text = kPod.dump();
        for (const char c : text)
            CHECK(write(ends[1], &c, 1) == 1);
        close(ends[1]);
    });
    const Run run = run_cli({"check", "/dev/fd/" + std::to_string(ends[0])});
    writer.join();
    close(ends[0]);
    CHECK(run.out == "1 object, 0 refused\n");
    CHECK(run_cli({"check", "/dev/zero"}).err == "catflap: /dev/zero is a device, not a file\n");
}

TEST_CASE("check: names of files and objects are printed harmless") {
    const Directory dir;
    const std::string name = "a\x1b[2J\nb\xff.yaml";
    std::ofstream(dir.path() / name) << "apiVersion: v1\nkind: Pod\nmetadata: {name: \"x\\e[31m\\n\xe2\x80\xaey\"}\n";
    const Run run = run_cli({"check", dir.path().string()});
    CHECK(run.exit_code == 1);
    CHECK(lines(run.out) == 2);
    CHECK(has(run.out, "/a\\x1b[2J\\x0ab\\xff.yaml:3: metadata.name: \"x\\x1b[31m\\x0a\\u202ey\" must be "));
    CHECK(run.out.find('\x1b') == std::string::npos);
    CHECK(run.out.find("\xe2\x80\xae") == std::string::npos);
    // As data, too: it must be JSON, whatever the name.
    CHECK(json::parse(run_cli({"check", dir.path().string(), "-o", "json"}).out)["refused"].size() == 1);
    std::filesystem::create_directory(dir.path() / "d\x1b.yaml");
    CHECK(run_cli({"check", dir.path().string()}).err.find('\x1b') == std::string::npos);
}
