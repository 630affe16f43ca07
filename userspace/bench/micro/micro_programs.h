// SPDX-License-Identifier: Apache-2.0
// BPF programs that measure others. A driver rewrites the packet's source and calls the program under test, so that
// one BPF_PROG_TEST_RUN sends thousands of different packets through it; the same driver with an empty program is what
// is taken off.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::bench {

// What a driver writes into a UDP packet over IPv4 before it goes on.
struct Variation {
    uint32_t peers = 1;         // sources, at random among the first so many of manifests.h's peers; 1: as it is
    uint32_t source_ports = 1;  // at random, from kFirstSourcePort on; 1: as it is
    bool answers = false;       // the packets go the other way: these are their destination ports
    bool sequence = false;      // ports count up instead: no two packets of 2^20 in a row are of the same flow
};
constexpr uint32_t kFirstSourcePort = 20000;

struct Driver {
    UniqueFd targets;  // the map that holds the program under test
    UniqueFd counter;
    UniqueFd program;
};
Result<Driver> load_driver(const Variation& variation, int target_program);

Result<UniqueFd> load_empty_program();

// One lookup that hits in an LRU hash of 10,000 live entries with keys of 24 bytes, of one entry over and over or of
// all at random: kLookupsPerRun in a run of the first program, none in the second.
constexpr uint32_t kLookupsPerRun = 64;
struct LookupPrograms {
    UniqueFd map;
    UniqueFd with;
    UniqueFd without;
};
Result<LookupPrograms> load_lookup_programs(bool random);

}  // namespace catflap::bench
