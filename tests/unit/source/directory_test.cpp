// SPDX-License-Identifier: Apache-2.0
#include "source/directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/unique_fd.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;
namespace fs = std::filesystem;

namespace {

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

std::string ns(const std::string& name, const std::string& label = "x") {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {l: " + label + "}}\n---\n";
}
std::string bad_ns(const std::string& name) {
    return ns(name, "1");
}  // a number without quotes

// "a=x b=y": every namespace and its label.
std::string held(const Directory& directory) {
    std::string text;
    for (const auto& [name, value] : directory.cluster().namespaces)
        text += (text.empty() ? "" : " ") + name + "=" + value.labels.at("l");
    return text;
}

bool readable(const Directory& directory, int timeout_ms = 0) {
    pollfd entry{directory.fd(), POLLIN, 0};
    return poll(&entry, 1, timeout_ms) == 1;
}

// The change was announced, and refresh() says that it was one. Nothing is left to do afterwards.
void changes(Directory& directory) {
    CHECK(readable(directory, 1000));
    const Result<bool> refreshed = directory.refresh();
    REQUIRE(refreshed);
    CHECK(*refreshed);
    CHECK_FALSE(readable(directory));
}
void changes_nothing(Directory& directory) {
    const Result<bool> refreshed = directory.refresh();
    REQUIRE(refreshed);
    CHECK_FALSE(*refreshed);
}

}  // namespace

TEST_CASE("every manifest of the directory, and nothing else") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    scratch.write("b.yml", ns("b"));
    scratch.write("c.json", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"c","labels":{"l":"1"}}})");
    scratch.write(".hidden.yaml", ns("hidden"));
    scratch.write("readme.txt", "no: [yaml");
    scratch.write("d.yaml~", ns("backup"));
    fs::create_directory(scratch.dir / "sub");
    std::ofstream(scratch.dir / "sub/e.yaml") << ns("sub");
    Directory directory = scratch.open();
    CHECK(held(directory) == "a=x b=x c=1");
    CHECK(directory.refusals().empty());
    changes_nothing(directory);
}

TEST_CASE("the walkthrough directory") {
    Result<Directory> directory = Directory::open(CATFLAP_TEST_DATA "/walkthrough");
    REQUIRE(directory);
    CHECK(directory->cluster().namespaces.size() == 4);
    CHECK(directory->cluster().nodes.size() == 3);
    CHECK(directory->cluster().pods.size() == 28);
    CHECK(directory->cluster().policies.size() == 1);
    CHECK(directory->refusals().empty());
    CHECK(directory->warnings().empty());
}

TEST_CASE("a directory that cannot be read is a failure") {
    const Scratch scratch;
    CHECK(Directory::open(scratch.root / "none").error().message.ends_with("No such file or directory"));
    scratch.write("file", "");
    CHECK(Directory::open(scratch.dir / "file").error().message.ends_with("Not a directory"));
}

TEST_CASE("files are added, edited in place, replaced by rename, renamed and removed") {
    const Scratch scratch;
    Directory directory = scratch.open();
    CHECK(held(directory).empty());
    scratch.write("a.yaml", ns("a"));
    changes(directory);
    CHECK(held(directory) == "a=x");
    scratch.write("a.yaml", ns("a", "y") + ns("b"));
    changes(directory);
    CHECK(held(directory) == "a=y b=x");
    scratch.write_by_rename("a.yaml", ns("b", "z"));
    changes(directory);
    CHECK(held(directory) == "b=z");
    fs::rename(scratch.dir / "a.yaml", scratch.dir / "c.yaml");
    CHECK(directory.refresh());
    CHECK(held(directory) == "b=z");
    fs::rename(scratch.dir / "c.yaml", scratch.dir / "c.off");
    changes(directory);
    CHECK(held(directory).empty());
    fs::rename(scratch.dir / "c.off", scratch.dir / "c.yaml");
    changes(directory);
    fs::remove(scratch.dir / "c.yaml");
    changes(directory);
    CHECK(held(directory).empty());
}

TEST_CASE("the same contents again change nothing") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    scratch.write("a.yaml", "# a comment\n" + ns("a"));
    changes_nothing(directory);
}

TEST_CASE("a file that is being written is read when it is closed, new or not") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    for (const char* name : {"a.yaml", "b.yaml"}) {
        const std::string text = ns("a", "y") + ns("b");
        UniqueFd file(::open((scratch.dir / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        REQUIRE(::write(file.get(), text.data(), 20) == 20);
        fchmod(file.get(), 0600);
        changes_nothing(directory);
        CHECK(held(directory) == (*name == 'a' ? "a=x" : "a=y b=x"));
        REQUIRE(::write(file.get(), text.data() + 20, text.size() - 20) == static_cast<ssize_t>(text.size() - 20));
        changes_nothing(directory);
        file.reset();
        CHECK(readable(directory, 1000));
        REQUIRE(directory.refresh());
        CHECK(held(directory) == "a=y b=x");
    }
    CHECK(directory.refusals().empty());
}

TEST_CASE("a file that is removed and being written anew keeps what it held until it is closed") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    fs::remove(scratch.dir / "a.yaml");
    std::ofstream file(scratch.dir / "a.yaml");
    file << "apiVersion: v1\n" << std::flush;
    changes_nothing(directory);
    CHECK(held(directory) == "a=x");
    file << "kind: Namespace\nmetadata: {name: a, labels: {l: new}}\n";
    file.close();
    changes(directory);
    CHECK(held(directory) == "a=new");
}

TEST_CASE("what is refused keeps its last good version; everything else of the file is taken") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a") + ns("b") + ns("c"));
    Directory directory = scratch.open();
    scratch.write("a.yaml", ns("a", "y") + bad_ns("b") + bad_ns("d"));
    changes(directory);
    CHECK(held(directory) == "a=y b=x");
    CHECK(
        messages(directory.refusals()) ==
        Strings{
            "a.yaml:7: Namespace b: metadata.labels.l: 1 without quotes is a number, and must be a string; write \"1\"",
            "a.yaml:11: Namespace d: metadata.labels.l: 1 without quotes is a number, and must be a string; write \"1\""});
    scratch.write("a.yaml", ns("b", "z"));
    changes(directory);
    CHECK(held(directory) == "b=z");
    CHECK(directory.refusals().empty());
    scratch.write("a.yaml", bad_ns("b"));
    changes(directory);
    fs::remove(scratch.dir / "a.yaml");
    changes(directory);
    CHECK(held(directory).empty());
}

TEST_CASE("a file that is not YAML keeps everything that it held") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a") + ns("b"));
    scratch.write("bad.yaml", "a: [");
    Directory directory = scratch.open();
    CHECK(held(directory) == "a=x b=x");
    REQUIRE(directory.refusals().size() == 1);
    CHECK(directory.refusals()[0].file == "bad.yaml");
    scratch.write("a.yaml", ns("a", "y") + "}");
    changes(directory);
    CHECK(held(directory) == "a=x b=x");
    CHECK(directory.refusals().size() == 2);
    fs::remove(scratch.dir / "a.yaml");
    fs::remove(scratch.dir / "bad.yaml");
    changes(directory);
    CHECK(held(directory).empty());
    CHECK(directory.refusals().empty());
}

TEST_CASE("a file that becomes empty keeps everything that it held: so kubectl leaves it when the API is down") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    scratch.write("empty.yaml", "# nothing yet\n");
    Directory directory = scratch.open();
    CHECK(directory.refusals().empty());
    for (const char* text : {"", "\n# nothing\n---\n"}) {
        scratch.write("a.yaml", text);
        REQUIRE(directory.refresh());
        CHECK(held(directory) == "a=x");
        REQUIRE(directory.refusals().size() == 1);
        CHECK(to_string(directory.refusals()[0]) ==
              "a.yaml: is empty; what it held stays in force, and goes when the file is removed");
    }
    scratch.write("a.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
    changes(directory);
    CHECK(held(directory).empty());
    CHECK(directory.refusals().empty());
}

TEST_CASE("where it cannot be told what was refused, nothing that is missing is given up") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a") + ns("b"));
    Directory directory = scratch.open();
    scratch.write("a.yaml", ns("a", "y") + ns("c") + "apiVersion: v1\nmetadata: {name: b}\n");
    changes(directory);
    CHECK(held(directory) == "a=y b=x c=x");
    // A misspelt kind still tells the name.
    scratch.write("a.yaml", ns("a", "y") + "apiVersion: v1\nkind: nameSpace\nmetadata: {name: b}\n");
    changes(directory);
    CHECK(held(directory) == "a=y b=x");
}

TEST_CASE("a file that cannot be read keeps everything that it held, and comes back") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    // Tests may run as root, who may read everything: a directory and a link to nowhere stand for a
    // forbidden file.
    fs::create_directory(scratch.root / "tmp");
    fs::remove(scratch.dir / "a.yaml");
    fs::rename(scratch.root / "tmp", scratch.dir / "a.yaml");
    changes(directory);
    CHECK(held(directory) == "a=x");
    CHECK(messages(directory.refusals()) == Strings{"a.yaml: is a directory, not a file; move it elsewhere"});
    fs::remove(scratch.dir / "a.yaml");
    fs::create_symlink(scratch.root / "nowhere", scratch.dir / "a.yaml");
    changes(directory);
    CHECK(held(directory) == "a=x");
    CHECK(messages(directory.refusals()) == Strings{"a.yaml: cannot be read: No such file or directory"});
    std::ofstream(scratch.root / "nowhere") << ns("a", "y");
    REQUIRE(directory.refresh());
    CHECK(held(directory) == "a=y");
    CHECK(directory.refusals().empty());
}

TEST_CASE("permission is taken away and given back") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    fs::permissions(scratch.dir / "a.yaml", fs::perms::none);
    if (access((scratch.dir / "a.yaml").c_str(), R_OK) == 0) {
        changes_nothing(directory);  // root
        return;
    }
    changes(directory);
    CHECK(held(directory) == "a=x");
    CHECK(messages(directory.refusals()) == Strings{"a.yaml: cannot be read: Permission denied"});
    fs::permissions(scratch.dir / "a.yaml", fs::perms::owner_all);
    changes(directory);
    CHECK(directory.refusals().empty());
}

TEST_CASE("one object in two files: the first file by name counts") {
    const Scratch scratch;
    scratch.write("b.yaml", "\n" + ns("a", "second"));
    Directory directory = scratch.open();
    CHECK(held(directory) == "a=second");
    scratch.write("a.yaml", ns("a", "first"));
    changes(directory);
    CHECK(held(directory) == "a=first");
    CHECK(messages(directory.refusals()) ==
          Strings{"b.yaml:2: Namespace a: is already defined in a.yaml:1, which comes first; keep one"});
    scratch.write("c.yaml", ns("a", "first"));  // equal: no conflict
    changes_nothing(directory);
    scratch.write("b.yaml", ns("a", "third"));
    changes(directory);  // the message's line
    CHECK(held(directory) == "a=first");
    fs::remove(scratch.dir / "a.yaml");
    changes(directory);
    CHECK(held(directory) == "a=third");
    CHECK(messages(directory.refusals()) ==
          Strings{"c.yaml:1: Namespace a: is already defined in b.yaml:1, which comes first; keep one"});
    fs::remove(scratch.dir / "b.yaml");
    changes(directory);
    CHECK(held(directory) == "a=first");
    CHECK(directory.refusals().empty());
}

TEST_CASE("a mounted ConfigMap switches all its files at once") {
    const Scratch scratch;
    const auto fill = [&](const std::string& version, const std::string& text) {
        fs::create_directory(scratch.dir / version);
        std::ofstream(scratch.dir / version / "a.yaml") << text;
        fs::create_symlink(version, scratch.dir / "..data_tmp");
        fs::rename(scratch.dir / "..data_tmp", scratch.dir / "..data");
    };
    fill("..1", ns("a"));
    fs::create_symlink("..data/a.yaml", scratch.dir / "a.yaml");
    Directory directory = scratch.open();
    CHECK(held(directory) == "a=x");
    fill("..2", ns("a", "y"));
    changes(directory);
    CHECK(held(directory) == "a=y");
}

TEST_CASE("links are taken as soon as they are there") {
    const Scratch scratch;
    Directory directory = scratch.open();
    std::ofstream(scratch.root / "one") << ns("a");
    fs::create_symlink(scratch.root / "one", scratch.dir / "a.yaml");
    changes(directory);
    std::ofstream(scratch.root / "two") << ns("b");
    fs::create_hard_link(scratch.root / "two", scratch.dir / "b.yaml");
    changes(directory);
    CHECK(held(directory) == "a=x b=x");
}

TEST_CASE("a directory that disappears changes nothing, and is found when it is back") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    SUBCASE("removed") {
        fs::remove_all(scratch.dir);
    }
    SUBCASE("moved away") {
        fs::rename(scratch.dir, scratch.root / "old");
    }
    CHECK(readable(directory, 1000));
    const Result<bool> missing = directory.refresh();
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.ends_with("No such file or directory"));
    CHECK(held(directory) == "a=x");
    CHECK_FALSE(readable(directory));
    CHECK_FALSE(directory.refresh());
    fs::create_directory(scratch.dir);
    scratch.write("b.yaml", ns("b"));
    CHECK(readable(directory, 3000));  // by the timer
    CHECK(*directory.refresh());
    CHECK(held(directory) == "b=x");
    CHECK_FALSE(readable(directory, 1200));  // and the timer has stopped
    scratch.write("c.yaml", ns("c"));
    changes(directory);
    CHECK(held(directory) == "b=x c=x");
}

TEST_CASE("another directory in the place of the old one") {
    const Scratch scratch;
    scratch.write("a.yaml", ns("a"));
    Directory directory = scratch.open();
    fs::create_directory(scratch.root / "new");
    std::ofstream(scratch.root / "new/b.yaml") << ns("b");
    fs::rename(scratch.dir, scratch.root / "old");
    fs::rename(scratch.root / "new", scratch.dir);
    changes(directory);
    CHECK(held(directory) == "b=x");
    std::ofstream(scratch.root / "old/a.yaml") << ns("old");
    changes_nothing(directory);
    scratch.write("c.yaml", ns("c"));
    changes(directory);
    CHECK(held(directory) == "b=x c=x");
}

TEST_CASE("lost events are made up for by a scan") {
    const Scratch scratch;
    scratch.write("gone.yaml", ns("gone"));
    scratch.write("same.yaml", ns("same"));
    Directory directory = scratch.open();
    fs::remove(scratch.dir / "gone.yaml");
    scratch.write("new.yaml", ns("new"));
    // More events than the queue holds; alternating, for the kernel merges equal neighbours.
    std::ifstream file("/proc/sys/fs/inotify/max_queued_events");
    int limit = 16384;
    file >> limit;
    for (int i = 0; i <= limit / 2; ++i)
        for (const char* name : {"x", "y"})
            UniqueFd(::open((scratch.dir / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    scratch.write("late.yaml", ns("late"));
    changes(directory);
    CHECK(held(directory) == "late=x new=x same=x");
}

TEST_CASE("a file that is too large is refused") {
    const Scratch scratch;
    scratch.write("a.yaml", "");
    fs::resize_file(scratch.dir / "a.yaml", (uintmax_t{512} << 20) + 1);  // sparse
    const Directory directory = scratch.open();
    CHECK(messages(directory.refusals()) == Strings{"a.yaml: is larger than 512 MiB; split it into several files"});
}
