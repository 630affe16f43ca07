// SPDX-License-Identifier: Apache-2.0
// Links of early drop on real interfaces; the programs pass everything.
#include "kernel/attach/uplink_links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <doctest/doctest.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <optional>

#include "kernel/attach/attach.h"
#include "kernel/attach/pins.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::kernel;
using catflap::test::PrivateNetwork;
using namespace std::chrono_literals;

namespace {

constexpr int kXdpPass = 2;

bool is_tc(UplinkHook mode) {
    return mode == UplinkHook::tc_ingress || mode == UplinkHook::tc_egress;
}

UniqueFd passing_program(UplinkHook mode) {
    const bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = is_tc(mode) ? -1 : kXdpPass},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    const auto type = is_tc(mode) ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP;
    UniqueFd program(bpf_prog_load(type, "pass", "GPL", code, std::size(code), nullptr));
    REQUIRE(program);
    return program;
}

// 0: there is none.
uint32_t attached(UplinkHook mode, const char* name) {
    const int ifindex = static_cast<int>(if_nametoindex(name));
    if (is_tc(mode)) {
        uint32_t first = 0;
        uint32_t count = 1;
        (void)bpf_prog_query(ifindex, static_cast<bpf_attach_type>(tcx_attach_type(mode == UplinkHook::tc_ingress)), 0,
                             nullptr, &first, &count);
        return count == 0 ? 0 : first;
    }
    LIBBPF_OPTS(bpf_xdp_query_opts, found);
    REQUIRE(bpf_xdp_query(ifindex, 0, &found) == 0);
    return mode == UplinkHook::xdp_native ? found.drv_prog_id : found.skb_prog_id;
}

// Two uplinks, or nothing where this kernel cannot do it.
std::optional<PrivateNetwork> two_uplinks(UplinkHook mode) {
    auto network = PrivateNetwork::make();
    if (!network)
        return std::nullopt;
    for (const char* name : {"eth0", "eth1"})
        PrivateNetwork::add_veth(name);
    if (is_tc(mode) && probe_attach_mode(passing_program(mode).get()) != AttachMode::tcx)
        return std::nullopt;
    return network;
}

UplinkHook each_mode() {
    UplinkHook mode{};
    SUBCASE("tc") {
        mode = UplinkHook::tc_ingress;
    }
    SUBCASE("tc-egress") {
        mode = UplinkHook::tc_egress;
    }
    SUBCASE("xdp-generic") {
        mode = UplinkHook::xdp_generic;
    }
    SUBCASE("xdp-native") {
        mode = UplinkHook::xdp_native;
    }
    return mode;
}

const UplinkLinks::Clock::time_point kNow{};

}  // namespace

TEST_CASE("uplinks get the program, others lose it, and it goes with its owner") {
    const UplinkHook mode = each_mode();
    const auto network = two_uplinks(mode);
    if (!network)
        return;
    const uint32_t eth0 = if_nametoindex("eth0");
    const uint32_t eth1 = if_nametoindex("eth1");
    const UniqueFd program = passing_program(mode);
    const uint32_t id = object_id(program.get()).id;
    {
        UplinkLinks links;
        CHECK(links.keep(mode, program.get(), {eth0}, kNow).empty());
        CHECK(attached(mode, "eth0") == id);
        CHECK(attached(mode, "eth1") == 0);
        CHECK(links.keep(mode, program.get(), {eth1}, kNow).empty());
        CHECK(attached(mode, "eth0") == 0);
        CHECK(attached(mode, "eth1") == id);
        links.close();
        CHECK(attached(mode, "eth1") == 0);
        CHECK(links.keep(mode, program.get(), {eth0, eth1}, kNow).empty());
    }
    CHECK(attached(mode, "eth0") == 0);
    CHECK(attached(mode, "eth1") == 0);
}

TEST_CASE("another program takes the place of the first one in the same link") {
    const UplinkHook mode = each_mode();
    const auto network = two_uplinks(mode);
    if (!network)
        return;
    const uint32_t eth0 = if_nametoindex("eth0");
    UplinkLinks links;
    UniqueFd program = passing_program(mode);
    CHECK(links.keep(mode, program.get(), {eth0}, kNow).empty());
    const UniqueFd next = passing_program(mode);
    program.reset();  // as the engine before goes, and its link stays
    CHECK(attached(mode, "eth0") != 0);
    CHECK(links.keep(mode, next.get(), {eth0}, kNow).empty());
    CHECK(attached(mode, "eth0") == object_id(next.get()).id);
}

TEST_CASE("an interface that was made again gets a link of its own") {
    const UplinkHook mode = each_mode();
    const auto network = two_uplinks(mode);
    if (!network)
        return;
    const uint32_t eth0 = if_nametoindex("eth0");
    const UniqueFd program = passing_program(mode);
    UplinkLinks links;
    CHECK(links.keep(mode, program.get(), {eth0}, kNow).empty());
    PrivateNetwork::ip(fmt::format("link del eth0\nlink add eth0 index {} type veth peer name peth0\n", eth0));
    CHECK(attached(mode, "eth0") == 0);
    CHECK(links.keep(mode, program.get(), {eth0}, kNow).empty());
    CHECK(attached(mode, "eth0") == object_id(program.get()).id);
}

TEST_CASE("another XDP program stays, and is asked about again after a while") {
    const UplinkHook mode = UplinkHook::xdp_generic;
    const auto network = two_uplinks(mode);
    if (!network)
        return;
    const uint32_t eth0 = if_nametoindex("eth0");
    const UniqueFd program = passing_program(mode);
    const UniqueFd other = passing_program(mode);
    uint32_t flags = 0;
    SUBCASE("of the same kind") {
        flags = XDP_FLAGS_SKB_MODE;
    }
    SUBCASE("of the driver's") {
        flags = XDP_FLAGS_DRV_MODE;
    }
    REQUIRE(bpf_xdp_attach(static_cast<int>(eth0), other.get(), flags, nullptr) == 0);
    UplinkLinks links;
    CHECK(links.keep(mode, program.get(), {eth0}, kNow)[eth0] == "another XDP program is attached to it");
    REQUIRE(bpf_xdp_detach(static_cast<int>(eth0), flags, nullptr) == 0);
    CHECK(links.keep(mode, program.get(), {eth0}, kNow + 9s).contains(eth0));
    CHECK(links.keep(mode, program.get(), {eth0}, kNow + 10s).empty());
    CHECK(attached(mode, "eth0") == object_id(program.get()).id);
}

TEST_CASE("a driver without native XDP, and an interface that is not there") {
    const UplinkHook mode = UplinkHook::xdp_native;
    const auto network = two_uplinks(mode);
    if (!network)
        return;
    PrivateNetwork::ip("link add bare type bridge\nlink set bare up\n");
    const uint32_t bare = if_nametoindex("bare");
    const UniqueFd program = passing_program(mode);
    UplinkLinks links;
    auto refused = links.keep(mode, program.get(), {bare, 4711, if_nametoindex("eth0")}, kNow);
    CHECK(refused.size() == 2);
    CHECK(refused[bare] == "its driver has no native XDP");
    CHECK(refused[4711].starts_with("the kernel refuses the program at the hook xdp-native: "));
    CHECK(links.keep(mode, program.get(), {}, kNow).empty());
}
