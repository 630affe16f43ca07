// SPDX-License-Identifier: Apache-2.0
// The few BPF programs of the harness, each some twenty instructions: an assembler as small as that.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::bench {

class BpfCode {
  public:
    BpfCode& add(uint8_t code, uint8_t destination, uint8_t source, int16_t offset, int32_t immediate);
    BpfCode& move(uint8_t destination, int32_t immediate);                         // 64 bits
    BpfCode& copy(uint8_t destination, uint8_t source);                            // 64 bits
    BpfCode& op(uint8_t operation, uint8_t destination, int32_t immediate);        // 64 bits, BPF_ADD ...
    BpfCode& op32(uint8_t operation, uint8_t destination, int32_t immediate);      // 32 bits
    BpfCode& op_register(uint8_t operation, uint8_t destination, uint8_t source);  // 64 bits
    BpfCode& load_map(uint8_t destination, int map_fd);
    BpfCode& load(uint8_t size, uint8_t destination, uint8_t source, int16_t offset);  // BPF_W ...
    BpfCode& store(uint8_t size, uint8_t destination, int16_t offset, uint8_t source);
    BpfCode& atomic_add(uint8_t destination, int16_t offset, uint8_t source);  // 64 bits
    BpfCode& to_big_endian(uint8_t destination, int32_t bits);
    BpfCode& call(int32_t helper);
    // Jumps to a label, which may stand before or behind.
    BpfCode& jump_if(uint8_t condition, uint8_t destination, int32_t immediate, const std::string& label);
    BpfCode& jump_if_register(uint8_t condition, uint8_t destination, uint8_t source, const std::string& label);
    BpfCode& label(const std::string& name);
    BpfCode& exit();

    // Resolves the labels and loads the program; a failure holds the verifier's log.
    Result<UniqueFd> load_as(bpf_prog_type type, const char* name);

  private:
    std::vector<bpf_insn> code_;
    std::map<std::string, size_t> labels_;
    std::vector<std::pair<size_t, std::string>> jumps_;
};

}  // namespace catflap::bench
