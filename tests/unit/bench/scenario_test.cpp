// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/scenario.h"

#include <doctest/doctest.h>

#include <set>

#include "bench/lab/mode.h"

using namespace catflap;
using namespace catflap::bench;

namespace {

size_t count_of(const std::string& text, const std::string& what) {
    size_t count = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++count;
    return count;
}

size_t count_of(const std::map<std::string, std::string>& files, const std::string& what) {
    size_t count = 0;
    for (const auto& [name, text] : files)
        count += count_of(text, what);
    return count;
}

}  // namespace

TEST_CASE("a scale has as many policies, addresses and pods as it says") {
    const auto files = manifests_of({100, 1000, 50, 10});
    CHECK(count_of(files, "kind: NetworkPolicy") == 1000);
    CHECK(count_of(files, "podSelector: {matchLabels: {role: server}}\n") == 100);
    CHECK(count_of(files, "labels: {role: client") == 50);
    CHECK(count_of(files, "labels: {role: parked") == 7);  // beside server, client and stranger
    CHECK(count_of(files, "peer: \"998\"}}\nspec: {nodeName") == kPeersPerPolicy);
}

TEST_CASE("a larger scale keeps the files of a smaller one, so that only what is new is read") {
    const auto small = manifests_of({1000, 1000, 10, 10});
    const auto large = manifests_of({1000, 10000, 10, 10});
    for (const auto& [name, text] : small)
        CHECK(large.at(name) == text);
}

TEST_CASE("the policy that admits comes last by name") {
    for (const auto& [name, text] : manifests_of({10, 20, 10, 10}))
        for (size_t at = text.find("kind: NetworkPolicy"); at != std::string::npos;
             at = text.find("kind: NetworkPolicy", at + 1)) {
            const size_t begin = text.find("name: ", at) + 6;
            CHECK(text.substr(begin, text.find(',', begin) - begin) <= "zz-admit");
        }
}

TEST_CASE("stages only ever add pods, and quick ones hold every step of the design's numbers") {
    for (const bool quick : {false, true}) {
        std::set<std::string> names;
        size_t pods = 0;
        for (const Stage& stage : stages(quick, false, 0)) {
            CHECK(stage.scale.pods_on_node >= pods);
            pods = stage.scale.pods_on_node;
            names.insert(stage.name);
        }
        for (const char* name : {"1 policy", "10 policies", "100 policies", "1,000 policies"})
            CHECK(names.contains(name));
    }
    CHECK(stages(false, true, 0).size() == 1);
    CHECK(stages(false, false, 7).front().rounds == 7);
}

TEST_CASE("modes are what this build can run") {
    const auto usual = [](const std::string& help, bool legacy, bool tcx = false) {
        return choose_modes(available_modes(help, {legacy, tcx}), "").value().size();
    };
    CHECK(usual("--mode ebpf", true, true) == 4);  // the floor needs TCX
    CHECK(usual("--mode ebpf", true) == 3);
    CHECK(usual("--mode --iptables-backend", true) == 5);
    CHECK(usual("--mode --iptables-backend", false) == 4);
    CHECK(usual("--mode --iptables-backend --fast-path", true) == 6);
    const auto with = available_modes("--mode --iptables-backend", {true, true});
    CHECK(choose_modes(with, "ebpf-bare").value().size() == 1);  // on request
    CHECK_FALSE(choose_modes(with, "bogus"));
    const auto chosen = choose_modes(with, "ebpf,none");
    REQUIRE(chosen);
    CHECK(chosen->size() == 3);  // none again comes with none
    CHECK(chosen->back().name == kEbpf);
}
