// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/common.h>

#include <filesystem>
#include <optional>
#include <string>

#include "iptables/apply/engine.h"
#include "kernel/attach/attach.h"

namespace catflap::agent {

enum class Mode : uint8_t { ebpf, iptables, audit };
enum class GuardWish : uint8_t { automatic, nft, off };
// Interfaces that no program judges, when a start fails.
enum class OnFailure : uint8_t { closed, open };

// Below --run-dir: the last good version of everything.
constexpr const char* kCacheName = "last-good";

// The flags of catflapd, with their defaults.
struct Options {
    std::filesystem::path source_dir;
    std::string node;  // "": the host's name
    Mode mode = Mode::ebpf;
    std::optional<bool> keep_established;  // nothing: what the mode does
    std::filesystem::path run_dir = "/run/catflap";
    std::filesystem::path pin_dir = "/sys/fs/bpf/catflap";
    GuardWish guard = GuardWish::automatic;              // close interfaces that no program judges
    iptables::Backend backend = iptables::Backend::nft;  // of mode iptables
    std::optional<kernel::AttachMode> attach;            // nothing: TCX where the kernel has it
    OnFailure on_failure = OnFailure::closed;
    spdlog::level::level_enum log_level = spdlog::level::info;
    bool without_pods = false;  // start where no Pod of this node is known
    bool check = false;
    bool remove = false;
};

// In iptables mode conntrack decides on what is established, and it does not ask again.
inline bool keeps_established(const Options& options) {
    return options.keep_established.value_or(options.mode == Mode::iptables);
}

// Whether interfaces that nothing judges are closed. Mode audit drops nothing.
inline bool wants_guard(const Options& options) {
    return options.guard != GuardWish::off && options.mode != Mode::audit;
}

inline const char* to_string(Mode mode) {
    return mode == Mode::audit ? "audit" : mode == Mode::iptables ? "iptables" : "ebpf";
}

}  // namespace catflap::agent
