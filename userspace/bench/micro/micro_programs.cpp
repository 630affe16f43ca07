// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/micro_programs.h"

#include <bpf/bpf.h>

#include <array>

#include "bench/micro/bpf_code.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

constexpr int16_t kSourceAddress = 14 + 12;
constexpr int16_t kSourcePort = 14 + 20;
constexpr int16_t kDestinationPort = kSourcePort + 2;
constexpr int32_t kFrameHeaders = 14 + 20 + 8;

// r0 = index of a peer -> r0 = its address, in host order; see peer_address() in manifests.cpp.
void peer_address_of_index(BpfCode& code) {
    code.copy(BPF_REG_2, BPF_REG_0).op32(BPF_DIV, BPF_REG_2, 60000).op(BPF_LSH, BPF_REG_2, 16);
    code.copy(BPF_REG_3, BPF_REG_0).op32(BPF_MOD, BPF_REG_3, 60000).op32(BPF_DIV, BPF_REG_3, 240);
    code.op(BPF_LSH, BPF_REG_3, 8);
    code.op32(BPF_MOD, BPF_REG_0, 240);
    code.op_register(BPF_ADD, BPF_REG_0, BPF_REG_2).op_register(BPF_ADD, BPF_REG_0, BPF_REG_3);
    code.op(BPF_ADD, BPF_REG_0, (10 << 24) + (64 << 16) + 1);
}

// Ports from the counter: the source's takes its low 16 bits, the destination's the next four.
void write_sequence(BpfCode& code, int counter_fd) {
    code.move(BPF_REG_1, 0).store(BPF_W, BPF_REG_10, -4, BPF_REG_1);
    code.copy(BPF_REG_2, BPF_REG_10).op(BPF_ADD, BPF_REG_2, -4);
    code.load_map(BPF_REG_1, counter_fd).call(BPF_FUNC_map_lookup_elem).jump_if(BPF_JEQ, BPF_REG_0, 0, "out");
    code.load(BPF_DW, BPF_REG_3, BPF_REG_0, 0).op(BPF_ADD, BPF_REG_3, 1).store(BPF_DW, BPF_REG_0, 0, BPF_REG_3);
    code.copy(BPF_REG_4, BPF_REG_3).op(BPF_RSH, BPF_REG_4, 16).op(BPF_AND, BPF_REG_4, 15);
    code.op(BPF_ADD, BPF_REG_4, kFirstPort);
    code.to_big_endian(BPF_REG_3, 16).store(BPF_H, BPF_REG_7, kSourcePort, BPF_REG_3);
    code.to_big_endian(BPF_REG_4, 16).store(BPF_H, BPF_REG_7, kDestinationPort, BPF_REG_4);
}

Result<UniqueFd> make_map(bpf_map_type type, const char* name, uint32_t key, uint32_t value, uint32_t entries) {
    UniqueFd map(bpf_map_create(type, name, key, value, entries, nullptr));
    if (!map)
        return fail_errno(errno, "make the map {}", name);
    return map;
}

}  // namespace

Result<Driver> load_driver(const Variation& variation, int target_program) {
    Driver driver;
    auto targets = make_map(BPF_MAP_TYPE_PROG_ARRAY, "bench_targets", 4, 4, 1);
    auto counter = make_map(BPF_MAP_TYPE_ARRAY, "bench_counter", 4, 8, 1);
    if (!targets || !counter)
        return tl::unexpected(!targets ? targets.error() : counter.error());
    BpfCode code;
    code.copy(BPF_REG_6, BPF_REG_1);
    code.load(BPF_W, BPF_REG_7, BPF_REG_6, offsetof(__sk_buff, data));
    code.load(BPF_W, BPF_REG_8, BPF_REG_6, offsetof(__sk_buff, data_end));
    code.copy(BPF_REG_1, BPF_REG_7).op(BPF_ADD, BPF_REG_1, kFrameHeaders);
    code.jump_if_register(BPF_JGT, BPF_REG_1, BPF_REG_8, "out");
    if (variation.peers > 1) {
        code.call(BPF_FUNC_get_prandom_u32).op32(BPF_MOD, BPF_REG_0, static_cast<int32_t>(variation.peers));
        peer_address_of_index(code);
        code.to_big_endian(BPF_REG_0, 32).store(BPF_W, BPF_REG_7, kSourceAddress, BPF_REG_0);
    }
    if (variation.sequence) {
        write_sequence(code, counter->get());
    } else if (variation.source_ports > 1) {
        code.call(BPF_FUNC_get_prandom_u32).op32(BPF_MOD, BPF_REG_0, static_cast<int32_t>(variation.source_ports));
        code.op(BPF_ADD, BPF_REG_0, kFirstSourcePort).to_big_endian(BPF_REG_0, 16);
        code.store(BPF_H, BPF_REG_7, variation.answers ? kDestinationPort : kSourcePort, BPF_REG_0);
    }
    code.copy(BPF_REG_1, BPF_REG_6).load_map(BPF_REG_2, targets->get()).move(BPF_REG_3, 0).call(BPF_FUNC_tail_call);
    code.label("out").move(BPF_REG_0, 2).exit();  // TC_ACT_SHOT: the call failed
    auto program = code.load_as(BPF_PROG_TYPE_SCHED_CLS, "bench_driver");
    if (!program)
        return tl::unexpected(program.error());
    const uint32_t key = 0;
    if (bpf_map_update_elem(targets->get(), &key, &target_program, BPF_ANY) != 0)
        return fail_errno(errno, "give the driver its target");
    driver.targets = std::move(*targets);
    driver.counter = std::move(*counter);
    driver.program = std::move(*program);
    return driver;
}

Result<UniqueFd> load_empty_program() {
    BpfCode code;
    return code.move(BPF_REG_0, -1).exit().load_as(BPF_PROG_TYPE_SCHED_CLS, "bench_empty");
}

Result<LookupPrograms> load_lookup_programs(bool random) {
    constexpr uint32_t kLive = 10'000;
    using Key = std::array<uint32_t, 6>;
    LookupPrograms programs;
    auto map = make_map(BPF_MAP_TYPE_LRU_HASH, "bench_lookup", sizeof(Key), sizeof(Key), 65536);
    if (!map)
        return tl::unexpected(map.error());
    for (uint32_t i = 0; i < kLive; ++i) {
        const Key key{i};
        if (bpf_map_update_elem(map->get(), &key, &key, BPF_ANY) != 0)
            return fail_errno(errno, "fill the map that is looked up in");
    }
    const auto load = [&](bool lookup) {
        BpfCode code;
        code.move(BPF_REG_1, 0);
        for (const int16_t offset : {int16_t{-24}, int16_t{-16}, int16_t{-8}})
            code.store(BPF_DW, BPF_REG_10, offset, BPF_REG_1);
        code.move(BPF_REG_6, kLookupsPerRun).label("next").call(BPF_FUNC_get_prandom_u32);
        code.op32(BPF_MOD, BPF_REG_0, random ? kLive : 1).store(BPF_W, BPF_REG_10, -24, BPF_REG_0);
        if (lookup)
            code.copy(BPF_REG_2, BPF_REG_10)
                .op(BPF_ADD, BPF_REG_2, -24)
                .load_map(BPF_REG_1, map->get())
                .call(BPF_FUNC_map_lookup_elem)
                .jump_if(BPF_JEQ, BPF_REG_0, 0, "out");  // no entry is missing; and the answer is used
        code.op(BPF_SUB, BPF_REG_6, 1).jump_if(BPF_JNE, BPF_REG_6, 0, "next");
        return code.label("out").move(BPF_REG_0, -1).exit().load_as(BPF_PROG_TYPE_SCHED_CLS, "bench_lookup");
    };
    auto with = load(true);
    auto without = load(false);
    if (!with || !without)
        return tl::unexpected(!with ? with.error() : without.error());
    programs.map = std::move(*map);
    programs.with = std::move(*with);
    programs.without = std::move(*without);
    return programs;
}

}  // namespace catflap::bench
