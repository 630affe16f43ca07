// SPDX-License-Identifier: Apache-2.0
#include "source/directory/directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "unit/source/scratch.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

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
    scratch.write("other.yaml", "");
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
        CHECK(readable(directory, 20'000));
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
    CHECK(readable(directory, 20'000));
    const Result<bool> missing = directory.refresh();
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.ends_with("No such file or directory"));
    CHECK(held(directory) == "a=x");
    CHECK_FALSE(readable(directory));
    CHECK_FALSE(directory.refresh());
    fs::create_directory(scratch.dir);
    scratch.write("b.yaml", ns("b"));
    CHECK(readable(directory, 20'000));  // by the timer
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
