// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/interface_directory.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace catflap::kernel;

namespace {

struct Directory {
    std::vector<catflap_interface> slots = std::vector<catflap_interface>(CATFLAP_MAX_INTERFACES);
    InterfaceDirectory directory{slots};

    // As bpf/catflap.bpf.c looks.
    [[nodiscard]] uint32_t config_of(uint32_t ifindex) const {
        for (uint32_t probe = 0; probe < CATFLAP_INTERFACE_PROBES; ++probe)
            if (const auto& slot = slots[catflap_interface_slot(ifindex, probe)]; slot.ifindex == ifindex)
                return CATFLAP_CONFIG_OF(slot.publication);
        return 0;
    }
};

}  // namespace

TEST_CASE("an interface is published, published again as another state, and withdrawn") {
    Directory at;
    REQUIRE(at.directory.publish(7, 3));
    const uint32_t first = at.slots[catflap_interface_slot(7, 0)].publication;
    CHECK(at.config_of(7) == 3);
    REQUIRE(at.directory.publish(7, 3));
    CHECK(at.config_of(7) == 3);
    CHECK(at.slots[catflap_interface_slot(7, 0)].publication != first);
    at.directory.withdraw(7);
    CHECK(at.config_of(7) == 0);
    at.directory.withdraw(7);
}

TEST_CASE("neighbours, and those that come 65,536 later: each has a place") {
    Directory at;
    for (uint32_t start : {1U, 1U + CATFLAP_MAX_INTERFACES, 1U + 7 * CATFLAP_MAX_INTERFACES, 0x7fffff00U})
        for (uint32_t i = 0; i < CATFLAP_MAX_ENDPOINTS / 4; ++i)
            REQUIRE(at.directory.publish(start + i, i + 1));
    for (uint32_t start : {1U, 1U + CATFLAP_MAX_INTERFACES, 1U + 7 * CATFLAP_MAX_INTERFACES, 0x7fffff00U})
        for (uint32_t i = 0; i < CATFLAP_MAX_ENDPOINTS / 4; ++i)
            CHECK(at.config_of(start + i) == i + 1);
}

TEST_CASE("a node's life: pods come and go, a million interfaces, as many at once as there may be") {
    Directory at;
    std::minstd_rand random(1);
    std::vector<uint32_t> living(CATFLAP_MAX_ENDPOINTS);
    for (uint32_t ifindex = 1; ifindex < 1'000'000; ++ifindex) {
        uint32_t& pod = living[random() % living.size()];
        if (pod != 0)
            at.directory.withdraw(pod);
        pod = ifindex;
        REQUIRE(at.directory.publish(ifindex, 1));
    }
}

TEST_CASE("where nine share eight slots the ninth is told, and the others stay") {
    Directory at;
    std::vector<uint32_t> sharers;
    for (uint32_t ifindex = 1; sharers.size() < CATFLAP_INTERFACE_PROBES + 1; ++ifindex)
        if (catflap_interface_slot(ifindex, 0) == 5)
            sharers.push_back(ifindex);
    for (uint32_t i = 0; i < CATFLAP_INTERFACE_PROBES; ++i)
        REQUIRE(at.directory.publish(sharers[i], i + 1));
    CHECK_FALSE(at.directory.has_place(sharers.back()));
    CHECK_FALSE(at.directory.publish(sharers.back(), 9));
    for (uint32_t i = 0; i < CATFLAP_INTERFACE_PROBES; ++i)
        CHECK(at.config_of(sharers[i]) == i + 1);
    at.directory.withdraw(sharers[2]);
    CHECK(at.directory.has_place(sharers.back()));
}
