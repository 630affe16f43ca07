// SPDX-License-Identifier: Apache-2.0
// With the kernel's qdiscs and filters, in a network namespace of the test's own.
#include "kernel/attach/others_at_hooks.h"

#include <bpf/bpf.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <net/if.h>

#include <array>

#include "base/unique_fd.h"
#include "kernel/attach/attach.h"
#include "kernel/attach/pins.h"
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

std::string others_of_uplink(const char* name, const std::set<uint32_t>& own = {}) {
    const uint32_t ifindex = if_nametoindex(name);
    const auto found = others_at_uplinks({ifindex}, own);
    REQUIRE_MESSAGE(found, found.error().message);
    const auto sentence = found->find(ifindex);
    return sentence == found->end() ? "" : sentence->second;
}

// "return TC_ACT_UNSPEC".
UniqueFd passing_program() {
    const std::array<bpf_insn, 2> code = {
        bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = -1},
        bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    return UniqueFd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "passes", "GPL", code.data(), code.size(), nullptr));
}

}  // namespace

TEST_CASE("at an uplink a qdisc of others is no obstacle, a filter and another program are") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    PrivateNetwork::add_veth("eth0");
    REQUIRE(tc("qdisc add dev eth0 root pfifo limit 10"));
    REQUIRE(tc("qdisc add dev eth0 clsact"));
    CHECK(others_of_uplink("eth0").empty());
    for (const char* hook : {"ingress", "egress"}) {
        CAPTURE(hook);
        REQUIRE(tc(fmt::format("filter add dev eth0 {} prio 7 bpf da bytecode '1,6 0 0 0,'", hook)));
        CHECK(others_of_uplink("eth0") == "another filter of tc is attached to the interface");
        REQUIRE(tc(fmt::format("filter del dev eth0 {} prio 7", hook)));
    }
    REQUIRE(tc("qdisc del dev eth0 clsact"));
    REQUIRE(tc("qdisc add dev eth0 ingress"));
    CHECK(others_of_uplink("eth0") == "the interface has an ingress qdisc");
    REQUIRE(tc("qdisc del dev eth0 ingress"));
    const UniqueFd program = passing_program();
    REQUIRE(program);
    if (probe_attach_mode(program.get()) != AttachMode::tcx)
        return;
    for (const bool ingress : {true, false}) {
        const UniqueFd link(bpf_link_create(program.get(), static_cast<int>(if_nametoindex("eth0")),
                                            static_cast<bpf_attach_type>(tcx_attach_type(ingress)), nullptr));
        REQUIRE(link);
        CHECK(others_of_uplink("eth0", {object_id(program.get()).id}).empty());
        CHECK(others_of_uplink("eth0") == "another program is attached to the interface by TCX");
    }
    CHECK(others_of_uplink("eth0").empty());
}

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
