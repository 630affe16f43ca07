// SPDX-License-Identifier: Apache-2.0
// What stays in force where a file, or an object in it, cannot be taken.
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

TEST_CASE("what is refused keeps its last good version; everything else of the file is taken") {
    const Scratch scratch;
    scratch.write("other.yaml", "");
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
    CHECK(directory.refusals()[0].in_force == Diagnostic::InForce::last_good);
    CHECK(directory.refusals()[1].in_force == Diagnostic::InForce::nothing);
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
    scratch.write("other.yaml", "");
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
