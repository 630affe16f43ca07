// SPDX-License-Identifier: Apache-2.0
// With the kernel's qdiscs and filters, in a network namespace of the test's own.
#include "kernel/attach/others_at_hooks.h"

#include <doctest/doctest.h>
#include <net/if.h>

#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::kernel;
using catflap::test::PrivateNetwork;

namespace {

bool tc(const std::string& words) {
    return std::system(("tc " + words + " 2>/dev/null").c_str()) == 0;
}

std::string others(const char* name, AttachMode mode = AttachMode::tcx) {
    const uint32_t ifindex = if_nametoindex(name);
    const auto found = others_at_hooks({ifindex}, mode);
    REQUIRE_MESSAGE(found, found.error().message);
    const auto sentence = found->find(ifindex);
    return sentence == found->end() ? "" : sentence->second;
}

}  // namespace

TEST_CASE("a plain veth and an empty clsact have nothing; a queue and a filter are others', at either hook") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    PrivateNetwork::add_veth("cali1");
    PrivateNetwork::add_veth("cali2");
    CHECK(others("cali1").empty());
    REQUIRE(tc("qdisc add dev cali1 clsact"));
    CHECK(others("cali1").empty());
    REQUIRE(tc("qdisc add dev cali2 root pfifo limit 10"));
    CHECK(others("cali2") == "the interface has a qdisc, pfifo: a limit of bandwidth");
    for (const char* hook : {"ingress", "egress"}) {
        CAPTURE(hook);
        REQUIRE(tc(fmt::format("filter add dev cali1 {} prio 7 bpf da bytecode '1,6 0 0 0,'", hook)));
        CHECK(others("cali1") == "another filter of tc is attached to the interface");
        CHECK(others("cali1", AttachMode::clsact).empty());  // ours, where it is that way
        REQUIRE(tc(fmt::format("filter del dev cali1 {} prio 7", hook)));
        CHECK(others("cali1").empty());
    }
}
