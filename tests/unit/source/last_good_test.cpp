// SPDX-License-Identifier: Apache-2.0
// What stays in force over a restart, where a first version is refused, and where the directory looks emptied.
#include <doctest/doctest.h>

#include "unit/source/scratch.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;
using namespace catflap::source::test;

namespace {

std::string pod(const std::string& name, const std::string& node = "n1") {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: app}\nspec: {nodeName: " + node +
           "}\n---\n";
}

// A policy of one rule, on this port.
std::string policy(const std::string& name, const std::string& port, const std::string& types = "[Ingress]") {
    return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
           ", namespace: app}\nspec:\n  podSelector: {matchLabels: {app: " + name + "}}\n  policyTypes: " + types +
           "\n  ingress:\n  - ports: [{port: " + port + "}]\n---\n";
}

struct Node1 : Scratch {
    [[nodiscard]] Directory start() const {
        Result<Directory> opened = Directory::open(dir, {"n1", root / "last-good"});
        REQUIRE(opened);
        return std::move(*opened);
    }
};

void save(Directory& directory) {
    while (directory.unsaved())
        REQUIRE(directory.save());
}

// "p:80 q:refused": every policy, and the port that it admits.
std::string policies(const Directory& directory) {
    std::string text;
    for (const auto& [name, one] : directory.cluster().policies)
        text += (text.empty() ? "" : " ") + name.name + ":" +
                (one.stands_in ? "refused" : std::to_string(std::get<uint16_t>(one.ingress.at(0).ports.at(0).port)));
    return text;
}

std::string refresh_error(Directory& directory, bool patient = false) {
    const Result<bool> refreshed = directory.refresh(patient);
    return refreshed ? "" : refreshed.error().message;
}

}  // namespace

TEST_CASE("the last good version outlives the process") {
    const Node1 node;
    node.write("c.yaml", pod("a"));
    node.write("p.yaml", policy("p", "80") + policy("q", "81"));
    {
        Directory directory = node.start();
        save(directory);
        node.write("p.yaml", policy("p", "8080") + policy("q", "81"));
        REQUIRE(directory.refresh());
        save(directory);
    }
    SUBCASE("of one that is refused; the others are taken") {
        node.write("p.yaml", policy("p", "70000") + policy("q", "82"));
        CHECK(policies(node.start()) == "p:8080 q:82");
    }
    SUBCASE("of one that is refused, beside one that is gone") {
        node.write("p.yaml", policy("p", "70000"));
        CHECK(policies(node.start()) == "p:8080");
    }
    SUBCASE("of a file that is cut off") {
        node.write("p.yaml", policy("p", "80") + "apiVersion: [");
        CHECK(policies(node.start()) == "p:8080 q:81");
    }
    SUBCASE("of a file that is empty") {
        node.write("p.yaml", "");
        CHECK(policies(node.start()) == "p:8080 q:81");
    }
    SUBCASE("of a file that cannot be read") {
        fs::remove(node.dir / "p.yaml");
        fs::create_symlink("p.yaml", node.dir / "p.yaml");
        CHECK(policies(node.start()) == "p:8080 q:81");
    }
    SUBCASE("and over several starts, until it is mended") {
        for (int i = 0; i < 3; ++i) {
            node.write("p.yaml", i == 1 ? "" : policy("p", "70000") + policy("q", "70000"));
            Directory directory = node.start();
            CHECK(policies(directory) == "p:8080 q:81");
            REQUIRE(directory.refusals().size() == (i == 1 ? 1 : 2));
            CHECK(directory.refusals()[0].in_force == Diagnostic::InForce::last_good);
            save(directory);
        }
        node.write("p.yaml", policy("p", "83"));
        {
            Directory directory = node.start();
            CHECK(policies(directory) == "p:83");
            save(directory);
        }
        node.write("p.yaml", "");
        CHECK(policies(node.start()) == "p:83");
    }
    SUBCASE("a file that is gone is gone") {
        fs::remove(node.dir / "p.yaml");
        {
            Directory directory = node.start();
            CHECK(policies(directory).empty());
            save(directory);
        }
        node.write("p.yaml", "");
        CHECK(policies(node.start()).empty());
    }
}

TEST_CASE("a policy whose first version is refused isolates without rules, until it is mended") {
    const Node1 node;
    node.write("c.yaml", pod("a"));
    node.write("p.yaml", policy("p", "70000") + policy("q", "81"));
    {
        Directory directory = node.start();
        CHECK(policies(directory) == "p:refused q:81");
        const Policy& stand_in = directory.cluster().policies.at({"app", "p"});
        CHECK(stand_in.isolates_ingress);
        CHECK_FALSE(stand_in.isolates_egress);
        CHECK(to_string(stand_in.pods) == "app=p");
        CHECK(stand_in.ingress.empty());
        CHECK(
            messages(directory.refusals()) ==
            Strings{"p.yaml:8: NetworkPolicy app/p: spec.ingress[0].ports[0].port: 70000 is not a port (1 to 65535)"});
        CHECK(directory.refusals()[0].in_force == Diagnostic::InForce::isolated);
        // Its newest version counts.
        node.write("p.yaml", policy("p", "70000", "[Ingress, Egress]") + policy("q", "81"));
        changes(directory);
        CHECK(directory.cluster().policies.at({"app", "p"}).isolates_egress);
        save(directory);
    }
    SUBCASE("over a restart, also where it cannot be read any more") {
        node.write("p.yaml", "a: [");
        Directory directory = node.start();
        CHECK(policies(directory) == "p:refused q:81");
        CHECK(directory.cluster().policies.at({"app", "p"}).isolates_egress);
    }
    SUBCASE("mended, and refused again") {
        Directory directory = node.start();
        node.write("p.yaml", policy("p", "82"));
        changes(directory);
        CHECK(policies(directory) == "p:82");
        node.write("p.yaml", policy("p", "70000"));
        changes(directory);
        CHECK(policies(directory) == "p:82");
        CHECK(directory.refusals().at(0).in_force == Diagnostic::InForce::last_good);
        node.write("p.yaml", policy("q", "82"));
        changes(directory);
        CHECK(policies(directory) == "q:82");
    }
    SUBCASE("a good version in another file counts, whatever the files' names; its going leaves the stand-in") {
        Directory directory = node.start();
        for (const char* name : {"a.yaml", "z.yaml"}) {
            node.write(name, policy("p", "90"));
            changes(directory);
            CHECK(policies(directory) == "p:90 q:81");
            fs::remove(node.dir / name);
            changes(directory);
            CHECK(policies(directory) == "p:refused q:81");
        }
    }
}

TEST_CASE("a damaged cache vouches for nothing: what is refused now has no earlier version") {
    const Node1 node;
    node.write("c.yaml", pod("a"));
    node.write("p.yaml", policy("p", "80"));
    {
        Directory directory = node.start();
        save(directory);
    }
    fs::resize_file(node.root / "last-good", fs::file_size(node.root / "last-good") / 2);
    node.write("p.yaml", policy("p", "70000"));
    Directory directory = node.start();
    CHECK(policies(directory) == "p:refused");
    CHECK(directory.cache_status()->lost.find("does not count") != std::string::npos);
}

TEST_CASE("a directory that looks emptied changes nothing, is told, and recovers by itself") {
    const Node1 node;
    node.write("cluster.yaml", pod("a") + pod("far", "n2"));
    node.write("p.yaml", policy("p", "80"));
    Directory directory = node.start();
    const Cluster before = directory.cluster();
    SUBCASE("the Pods' file is gone") {
        fs::rename(node.dir / "cluster.yaml", node.root / "away");
        CHECK(refresh_error(directory).find("has no Pod whose nodeName is \"n1\" any more") != std::string::npos);
        node.write("p.yaml", policy("p", "81"));  // all or nothing
        CHECK_FALSE(refresh_error(directory).empty());
        CHECK(directory.cluster() == before);
        fs::rename(node.root / "away", node.dir / "cluster.yaml");
        CHECK(refresh_error(directory).empty());
        CHECK(policies(directory) == "p:81");
    }
    SUBCASE("the Pods' file has no Pod of the node any more") {
        node.write("cluster.yaml", pod("far", "n2"));
        for (int i = 0; i < 3; ++i)
            CHECK_FALSE(refresh_error(directory).empty());
        CHECK(directory.cluster() == before);
        SUBCASE("which is none of its business where the node has no interface") {
            directory.expect_pods_of("");
            REQUIRE(directory.refresh());
            CHECK(directory.cluster().pods.size() == 1);
        }
        SUBCASE("or is meant") {
            node.write(kEmptiedOnPurpose, "");
            REQUIRE(directory.refresh());
            CHECK(directory.cluster().pods.size() == 1);
            CHECK(directory.emptied_on_purpose());
        }
    }
    SUBCASE("all files are gone") {
        directory.expect_pods_of("");
        fs::remove(node.dir / "p.yaml");
        fs::remove(node.dir / "cluster.yaml");
        CHECK(refresh_error(directory).find("has no manifest any more") != std::string::npos);
        CHECK(directory.cluster() == before);
        node.write(kEmptiedOnPurpose, "");
        REQUIRE(directory.refresh());
        CHECK(directory.cluster() == Cluster{});
    }
    SUBCASE("another directory, without policies") {
        fs::rename(node.dir, node.root / "old");
        fs::create_directory(node.dir);
        node.write("cluster.yaml", pod("a"));
        CHECK(refresh_error(directory).find("is another directory than before, and has no NetworkPolicy any more") !=
              std::string::npos);
        CHECK(directory.cluster() == before);
        node.write("p.yaml", policy("p", "81"));
        REQUIRE(directory.refresh());
        CHECK(policies(directory) == "p:81");
    }
    SUBCASE("an empty one") {
        fs::rename(node.dir, node.root / "old");
        fs::create_directory(node.dir);
        CHECK(refresh_error(directory).find("has no manifest any more") != std::string::npos);
        CHECK(directory.cluster() == before);
        fs::remove(node.dir);
        fs::rename(node.root / "old", node.dir);
        CHECK(refresh_error(directory).empty());
        CHECK(directory.cluster() == before);
    }
    SUBCASE("a policy that is withdrawn is withdrawn") {
        fs::remove(node.dir / "p.yaml");
        changes(directory);
        CHECK(policies(directory).empty());
    }
    SUBCASE("a Pod that goes beside others") {
        node.write("cluster.yaml", pod("b"));
        changes(directory);
        CHECK(directory.cluster().pods.size() == 1);
    }
}

TEST_CASE("rm -r goes file by file: a policy whose file is gone is looked for again before that is believed") {
    const Node1 node;
    node.write("cluster.yaml", pod("a"));
    node.write("p.yaml", policy("p", "80"));
    node.write("q.yaml", policy("q", "81"));
    Directory directory = node.start();
    fs::remove(node.dir / "p.yaml");
    REQUIRE(directory.refresh(true));
    CHECK(policies(directory) == "p:80 q:81");
    SUBCASE("the rest goes") {
        fs::remove(node.dir / "cluster.yaml");
        CHECK_FALSE(refresh_error(directory, true).empty());
        fs::remove(node.dir / "q.yaml");
        CHECK_FALSE(refresh_error(directory, true).empty());
        CHECK(policies(directory) == "p:80 q:81");
    }
    SUBCASE("it is the only one") {
        while (policies(directory) != "q:81") {
            CHECK(readable(directory, 20'000));
            REQUIRE(directory.refresh(true));
        }
    }
    SUBCASE("it is asked for") {
        REQUIRE(directory.refresh());
        CHECK(policies(directory) == "q:81");
    }
    SUBCASE("it comes back") {
        node.write("p.yaml", policy("p", "82"));
        REQUIRE(directory.refresh(true));
        CHECK(policies(directory) == "p:82 q:81");
    }
    SUBCASE("another file got it: at once") {
        node.write("r.yaml", policy("p", "83"));
        REQUIRE(directory.refresh(true));
        CHECK(policies(directory) == "p:83 q:81");
        CHECK(directory.refusals().empty());
    }
}

TEST_CASE("a directory that comes back is read when nothing moves in it any more") {
    const Node1 node;
    node.write("cluster.yaml", pod("a"));
    node.write("p.yaml", policy("p", "80"));
    Directory directory = node.start();
    fs::rename(node.dir, node.root / "old");
    const std::string missing = refresh_error(directory, true);
    CHECK_FALSE(missing.empty());
    fs::create_directory(node.dir);
    node.write("cluster.yaml", pod("a"));
    CHECK(refresh_error(directory, true) == missing);  // it may be half of it
    node.write("p.yaml", policy("p", "81"));
    CHECK(refresh_error(directory, true) == missing);
    CHECK(refresh_error(directory, true).empty());
    CHECK(policies(directory) == "p:81");
}

TEST_CASE("a start without the source goes on with what was in force") {
    const Node1 node;
    node.write("cluster.yaml", pod("a") + pod("far", "n2"));
    node.write("p.yaml", policy("p", "80") + policy("r", "70000"));
    Cluster before;
    {
        Directory directory = node.start();
        save(directory);
        before = directory.cluster();
    }
    fs::rename(node.dir, node.root / "old");
    SUBCASE("missing") {}
    SUBCASE("emptied") {
        fs::create_directory(node.dir);
    }
    SUBCASE("without the Pods") {
        fs::create_directory(node.dir);
        node.write("p.yaml", policy("p", "81"));
    }
    for (int i = 0; i < 2; ++i) {
        Directory directory = node.start();
        CHECK(directory.cluster() == before);
        CHECK_FALSE(refresh_error(directory).empty());
        save(directory);
        CHECK(directory.cluster() == before);
    }
    Directory directory = node.start();
    fs::remove_all(node.dir);
    fs::rename(node.root / "old", node.dir);
    node.write("p.yaml", policy("p", "82"));
    CHECK(refresh_error(directory).empty());
    CHECK(policies(directory) == "p:82");
}

TEST_CASE("without a cache a start without the source is a failure, as before") {
    const Node1 node;
    fs::remove(node.dir);
    CHECK_FALSE(Directory::open(node.dir, {"n1", node.root / "last-good"}));
}
