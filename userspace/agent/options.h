// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "kernel/attach.h"

namespace catflap::agent {

enum class Mode : uint8_t { ebpf, audit };

// The flags of catflapd, with their defaults.
struct Options {
    std::filesystem::path source_dir;
    std::string node;  // "": the host's name
    Mode mode = Mode::ebpf;
    bool keep_established = false;
    std::filesystem::path run_dir = "/run/catflap";
    std::filesystem::path pin_dir = "/sys/fs/bpf/catflap";
    std::optional<kernel::AttachMode> attach;  // nothing: TCX where the kernel has it
    bool check = false;
    bool remove = false;
};

inline const char* to_string(Mode mode) {
    return mode == Mode::audit ? "audit" : "ebpf";
}

}  // namespace catflap::agent
