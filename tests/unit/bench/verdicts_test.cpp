// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/verdicts.h"

#include <doctest/doctest.h>

using namespace catflap::bench;

namespace {

const std::vector<Mode> kModes = {{kNone, {}}, {kEbpf, {"--mode", "ebpf"}}, {kNft, {"--mode", "iptables"}}};
const std::vector<Probe> kProbes = {{kClient, kServer, false, 8000, true}, {kStranger, kServer, true, 8000, false}};

}  // namespace

TEST_CASE("modes that judge alike and rightly agree") {
    CHECK(
        disagreements(kProbes, {{kNone, {true, true}}, {kEbpf, {true, false}}, {kNft, {true, false}}}, kModes).empty());
}

TEST_CASE("a mode that judges otherwise is found, with the packet") {
    const auto found =
        disagreements(kProbes, {{kNone, {true, true}}, {kEbpf, {true, true}}, {kNft, {true, false}}}, kModes);
    REQUIRE(found.size() == 1);
    CHECK(found.front() == "stranger -> server 8000/TCP: let through in mode ebpf, should be dropped");
}

TEST_CASE("modes that agree on the wrong verdict are found, too") {
    const auto found =
        disagreements(kProbes, {{kNone, {true, true}}, {kEbpf, {false, false}}, {kNft, {false, false}}}, kModes);
    CHECK(found.size() == 2);
}

TEST_CASE("a path that carries nothing proves nothing") {
    CHECK(disagreements(kProbes, {{kNone, {true, false}}, {kEbpf, {true, false}}, {kNft, {true, false}}}, kModes)
              .size() == 1);
    CHECK(disagreements(kProbes, {{kNone, {true, true}}, {kEbpf, {true, false}}}, kModes).size() == 2);
}

TEST_CASE("the probes of a stage ask for both verdicts, by both protocols") {
    for (const auto& probes : {stage_probes(false), stage_probes(true), mixed_probes()}) {
        int allowed = 0;
        int tcp = 0;
        for (const Probe& probe : probes) {
            allowed += probe.allowed ? 1 : 0;
            tcp += probe.tcp ? 1 : 0;
        }
        CHECK(allowed > 0);
        CHECK(allowed < static_cast<int>(probes.size()));
        CHECK(tcp > 0);
        CHECK(tcp < static_cast<int>(probes.size()));
    }
}
