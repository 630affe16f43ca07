// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/floor.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <net/if.h>

#include <cstring>
#include <set>

#include "bench/lab/netns.h"
#include "bench/micro/bpf_code.h"
#include "kernel/attach/attach.h"

namespace catflap::bench {
namespace {

constexpr int32_t kPass = 0;                // TC_ACT_OK
constexpr int16_t kEthertypeOffset = 12;    // Ethernet II
constexpr int32_t kIpv4 = 0x0008;           // ETH_P_IP, as a little-endian load sees it
constexpr int16_t kDestinationOffset = 30;  // of an IPv4 address behind Ethernet
constexpr int32_t kHeaderBytes = 34;

int32_t word(const uint8_t* bytes) {
    int32_t value = 0;
    std::memcpy(&value, bytes, sizeof(value));
    return value;
}

Result<UniqueFd> load_floor(std::span<const FloorRoute> routes) {
    BpfCode code;
    code.copy(BPF_REG_6, BPF_REG_1)
        .load(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(__sk_buff, data))
        .load(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(__sk_buff, data_end))
        .copy(BPF_REG_4, BPF_REG_2)
        .op(BPF_ADD, BPF_REG_4, kHeaderBytes)
        .jump_if_register(BPF_JGT, BPF_REG_4, BPF_REG_3, "pass")
        .load(BPF_H, BPF_REG_4, BPF_REG_2, kEthertypeOffset)
        .jump_if(BPF_JNE, BPF_REG_4, kIpv4, "pass")
        .load(BPF_W, BPF_REG_4, BPF_REG_2, kDestinationOffset);
    for (const FloorRoute& route : routes) {
        in_addr address{};
        if (inet_pton(AF_INET, route.address.c_str(), &address) != 1)
            return fail("{} is no IPv4 address", route.address);
        code.jump_if(BPF_JEQ, BPF_REG_4, static_cast<int32_t>(address.s_addr), route.address);
    }
    code.label("pass").move(BPF_REG_0, kPass).exit();
    for (const FloorRoute& route : routes) {
        code.label(route.address);
        for (int16_t at = 0; at < 12; at = static_cast<int16_t>(at + 4))
            code.op32(BPF_MOV, BPF_REG_1, word(&route.macs[static_cast<size_t>(at)]))
                .store(BPF_W, BPF_REG_10, static_cast<int16_t>(at - 16), BPF_REG_1);
        code.copy(BPF_REG_1, BPF_REG_6)
            .move(BPF_REG_2, 0)
            .copy(BPF_REG_3, BPF_REG_10)
            .op(BPF_ADD, BPF_REG_3, -16)
            .move(BPF_REG_4, 12)
            .move(BPF_REG_5, 0)
            .call(BPF_FUNC_skb_store_bytes)
            .move(BPF_REG_1, static_cast<int32_t>(if_nametoindex(route.interface.c_str())))
            .move(BPF_REG_2, 0)
            .call(route.into_pod ? BPF_FUNC_redirect_peer : BPF_FUNC_redirect)
            .exit();
    }
    return code.load_as(BPF_PROG_TYPE_SCHED_CLS, "bench_floor");
}

}  // namespace

bool can_lay_floor() {
    const auto program = load_floor({});
    return program && kernel::probe_attach_mode(program->get()) == kernel::AttachMode::tcx;
}

Result<std::vector<UniqueFd>> lay_floor(const std::string& netns, std::span<const FloorRoute> routes) {
    const InNamespace inside(netns);
    if (!inside.entered())
        return tl::unexpected(inside.entered().error());
    auto program = load_floor(routes);
    if (!program)
        return tl::unexpected(program.error());
    std::set<std::string> interfaces;
    for (const FloorRoute& route : routes)
        interfaces.insert(route.interface);
    constexpr bool kFromPod = true;  // what comes out of it, to the node
    const auto hook = static_cast<bpf_attach_type>(kernel::tcx_attach_type(kFromPod));
    std::vector<UniqueFd> links;
    for (const std::string& interface : interfaces) {
        links.emplace_back(
            bpf_link_create(program->get(), static_cast<int>(if_nametoindex(interface.c_str())), hook, nullptr));
        if (!links.back())
            return fail_errno(errno, "attach the program that redirects to {} of {}", interface, netns);
    }
    return links;
}

}  // namespace catflap::bench
