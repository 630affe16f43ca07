// SPDX-License-Identifier: Apache-2.0
// Walks through hash maps of the kernel in steps, also while entries come and go.
#include "kernel/datapath/census.h"

#include <catflap/flow.h>
#include <bpf/bpf.h>
#include <doctest/doctest.h>

#include <map>

#include "base/unique_fd.h"

using namespace catflap;
using namespace catflap::kernel;

namespace {

constexpr uint32_t kMaxEntries = 16384;

UniqueFd flow_map() {
    UniqueFd fd(bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "census", sizeof(catflap_flow_key), sizeof(catflap_flow),
                               kMaxEntries, nullptr));
    REQUIRE_MESSAGE(fd, "make a map: this needs root");
    return fd;
}

catflap_flow_key key_of(uint32_t number) {
    catflap_flow_key key{};
    key.remote.word_be[3] = number;
    key.slot_protocol = catflap_slot_protocol(0, 6);
    return key;
}

void put(int fd, uint32_t first, uint32_t count) {
    const catflap_flow flow{};
    for (uint32_t i = first; i < first + count; ++i) {
        const catflap_flow_key key = key_of(i);
        REQUIRE(bpf_map_update_elem(fd, &key, &flow, BPF_ANY) == 0);
    }
}

}  // namespace

TEST_CASE("a walk sees each flow once, in steps of any size, and can go on from any place") {
    const UniqueFd fd = flow_map();
    put(fd.get(), 0, 5000);
    for (const uint32_t room : {1U, 64U, 4096U, 100'000U}) {
        std::map<uint32_t, int> seen;
        uint32_t place = 0;
        for (bool over = false; !over;) {
            FlowWalk walk(fd.get(), place);  // anew each time, as every page of a list does
            REQUIRE(walk.step(room).has_value());
            for (const catflap_flow_key& key : walk.keys())
                ++seen[key.remote.word_be[3]];
            CHECK((walk.over() || walk.next_place() > place));
            over = walk.over();
            place = walk.next_place();
        }
        CHECK(seen.size() == 5000);
        for (const auto& [number, times] : seen)
            REQUIRE(times == 1);
    }
}

TEST_CASE("a walk ends while flows come and go under it, and sees those that stay") {
    const UniqueFd fd = flow_map();
    put(fd.get(), 0, 2000);
    std::map<uint32_t, int> seen;
    FlowWalk walk(fd.get());
    uint32_t next_new = 100'000;
    uint32_t next_gone = 1000;
    size_t steps = 0;
    do {
        REQUIRE(++steps < 100'000);
        REQUIRE(walk.step(16).has_value());
        for (const catflap_flow_key& key : walk.keys())
            ++seen[key.remote.word_be[3]];
        put(fd.get(), next_new, 4);
        next_new += 4;
        for (int i = 0; i < 4 && next_gone < 2000; ++i) {
            const catflap_flow_key key = key_of(next_gone++);
            bpf_map_delete_elem(fd.get(), &key);
        }
    } while (!walk.over());
    for (uint32_t i = 0; i < 1000; ++i)
        CHECK(seen[i] == 1);
}

TEST_CASE("entries are counted; without time for all of them, estimated") {
    const UniqueFd fd = flow_map();
    CHECK(count_entries(fd.get(), std::chrono::seconds(60)).value().entries == 0);
    put(fd.get(), 0, 8000);
    const auto counted = count_entries(fd.get(), std::chrono::seconds(60)).value();
    CHECK(counted.entries == 8000);
    CHECK_FALSE(counted.estimated);
    // One step reads 1,024 entries or a little less: an eighth of them.
    const auto estimated = count_entries(fd.get(), std::chrono::microseconds(0)).value();
    CHECK(estimated.estimated);
    CHECK(estimated.entries > 6000);
    CHECK(estimated.entries < 10'000);
}
