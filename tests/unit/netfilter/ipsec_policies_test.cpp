// SPDX-License-Identifier: Apache-2.0
#include "netfilter/ipsec_policies.h"

#include <doctest/doctest.h>

#include "support/kernel/private_network.h"

using namespace catflap;
using catflap::test::PrivateNetwork;

TEST_CASE("IPsec policies are counted, of every direction") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    const auto count = [] {
        const auto counted = netfilter::count_ipsec_policies();
        REQUIRE_MESSAGE(counted, counted.error().message);
        return *counted;
    };
    CHECK(count() == 0);
    for (const char* direction : {"in", "out", "fwd"}) {
        const std::string policy = fmt::format("src 192.0.2.1/32 dst 192.0.2.2/32 dir {}", direction);
        PrivateNetwork::ip("xfrm policy add " + policy + " action block\n");
        CHECK(count() == 1);
        PrivateNetwork::ip("xfrm policy delete " + policy + "\n");
        CHECK(count() == 0);
    }
}
