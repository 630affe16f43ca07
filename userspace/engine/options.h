// SPDX-License-Identifier: Apache-2.0
// What an engine has to know of the agent's options.
#pragma once

#include <filesystem>
#include <optional>

#include "iptables/apply/engine.h"
#include "kernel/attach/attach.h"
#include "model/interface_prefixes.h"

namespace catflap::engine {

enum class Mode : uint8_t { ebpf, iptables, audit };

inline const char* to_string(Mode mode) {
    return mode == Mode::audit ? "audit" : mode == Mode::iptables ? "iptables" : "ebpf";
}

// Whether flows between two pods of this node may take the short way. on: whatever rules of others would have seen.
enum class FastPathWish : uint8_t { automatic, on, off };

// Whether packets that policy denies are dropped where they come in from other nodes, and at which hook. automatic: tc,
// where the kernel has TCX.
enum class EarlyDropWish : uint8_t { automatic, off, tc, xdp_generic, xdp_native };

struct Options {
    Mode mode = Mode::ebpf;
    std::optional<bool> keep_established;  // nothing: what the mode does
    std::filesystem::path pin_dir = "/sys/fs/bpf/catflap";
    iptables::Backend backend = iptables::Backend::nft;  // of mode iptables
    InterfacePrefixes interface_prefixes;
    std::optional<kernel::AttachMode> attach;  // nothing: TCX where the kernel has it
    FastPathWish fast_path = FastPathWish::automatic;
    EarlyDropWish early_drop = EarlyDropWish::automatic;
};

// In iptables mode conntrack decides on what is established, and it does not ask again.
inline bool keeps_established(const Options& options) {
    return options.keep_established.value_or(options.mode == Mode::iptables);
}

}  // namespace catflap::engine
