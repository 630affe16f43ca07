// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/bpf_code.h"

#include <bpf/bpf.h>

namespace catflap::bench {

BpfCode& BpfCode::add(uint8_t code, uint8_t destination, uint8_t source, int16_t offset, int32_t immediate) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = destination & 15U;
    instruction.src_reg = source & 15U;
    instruction.off = offset;
    instruction.imm = immediate;
    code_.push_back(instruction);
    return *this;
}
BpfCode& BpfCode::move(uint8_t destination, int32_t immediate) {
    return add(BPF_ALU64 | BPF_MOV | BPF_K, destination, 0, 0, immediate);
}
BpfCode& BpfCode::copy(uint8_t destination, uint8_t source) {
    return add(BPF_ALU64 | BPF_MOV | BPF_X, destination, source, 0, 0);
}
BpfCode& BpfCode::op(uint8_t operation, uint8_t destination, int32_t immediate) {
    return add(static_cast<uint8_t>(BPF_ALU64 | operation | BPF_K), destination, 0, 0, immediate);
}
BpfCode& BpfCode::op32(uint8_t operation, uint8_t destination, int32_t immediate) {
    return add(static_cast<uint8_t>(BPF_ALU | operation | BPF_K), destination, 0, 0, immediate);
}
BpfCode& BpfCode::op_register(uint8_t operation, uint8_t destination, uint8_t source) {
    return add(static_cast<uint8_t>(BPF_ALU64 | operation | BPF_X), destination, source, 0, 0);
}
BpfCode& BpfCode::load_map(uint8_t destination, int map_fd) {
    add(BPF_LD | BPF_DW | BPF_IMM, destination, BPF_PSEUDO_MAP_FD, 0, map_fd);
    return add(0, 0, 0, 0, 0);
}
BpfCode& BpfCode::load(uint8_t size, uint8_t destination, uint8_t source, int16_t offset) {
    return add(static_cast<uint8_t>(BPF_LDX | size | BPF_MEM), destination, source, offset, 0);
}
BpfCode& BpfCode::store(uint8_t size, uint8_t destination, int16_t offset, uint8_t source) {
    return add(static_cast<uint8_t>(BPF_STX | size | BPF_MEM), destination, source, offset, 0);
}
BpfCode& BpfCode::atomic_add(uint8_t destination, int16_t offset, uint8_t source) {
    return add(BPF_STX | BPF_DW | BPF_ATOMIC, destination, source, offset, BPF_ADD);
}
BpfCode& BpfCode::to_big_endian(uint8_t destination, int32_t bits) {
    return add(BPF_ALU | BPF_END | BPF_TO_BE, destination, 0, 0, bits);
}
BpfCode& BpfCode::call(int32_t helper) {
    return add(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}
BpfCode& BpfCode::jump_if(uint8_t condition, uint8_t destination, int32_t immediate, const std::string& label) {
    jumps_.emplace_back(code_.size(), label);
    return add(static_cast<uint8_t>(BPF_JMP | condition | BPF_K), destination, 0, 0, immediate);
}
BpfCode& BpfCode::jump_if_register(uint8_t condition, uint8_t destination, uint8_t source, const std::string& label) {
    jumps_.emplace_back(code_.size(), label);
    return add(static_cast<uint8_t>(BPF_JMP | condition | BPF_X), destination, source, 0, 0);
}
BpfCode& BpfCode::label(const std::string& name) {
    labels_[name] = code_.size();
    return *this;
}
BpfCode& BpfCode::exit() {
    return add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

Result<UniqueFd> BpfCode::load_as(bpf_prog_type type, const char* name) {
    for (const auto& [at, label] : jumps_)
        code_[at].off =
            static_cast<int16_t>(static_cast<ptrdiff_t>(labels_.at(label)) - static_cast<ptrdiff_t>(at) - 1);
    std::vector<char> log(65536);
    LIBBPF_OPTS(bpf_prog_load_opts, options, .log_level = 1, .log_size = static_cast<uint32_t>(log.size()),
                .log_buf = log.data());
    UniqueFd fd(bpf_prog_load(type, name, "Dual BSD/GPL", code_.data(), code_.size(), &options));
    if (!fd)
        return fail_errno(errno, "load BPF program {} ({})", name, log.data());
    return fd;
}

}  // namespace catflap::bench
