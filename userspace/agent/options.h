// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <spdlog/common.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/log_format.h"
#include "engine/options.h"
#include "source/api/lease.h"

namespace catflap::agent {

using engine::Mode;

enum class GuardWish : uint8_t { automatic, nft, off };
// Interfaces that no program judges, when a start fails.
enum class OnFailure : uint8_t { closed, open };

// Below --run-dir: the last good version of everything.
constexpr const char* kCacheName = "last-good";

// Which version of a file it is: it may be replaced by a rename, or be a link that leads elsewhere now.
struct ConfigStamp {
    uint64_t inode = 0;
    int64_t bytes = 0;
    int64_t changed_ns = 0;

    [[nodiscard]] bool is_empty() const { return bytes == 0; }
    bool operator==(const ConfigStamp&) const = default;
};
// Of a file that is not there, or "": as of an empty one.
ConfigStamp stamp_of(const std::filesystem::path& path);

// The flags of catflapd, with their defaults.
struct Options : engine::Options {
    // The source: one of these three.
    std::filesystem::path source_dir;
    std::filesystem::path kubeconfig;
    bool in_cluster = false;
    std::string context;     // of the kubeconfig; "": its current one
    std::string api_server;  // URL, instead of the one that kubeconfig or environment name; ""
    std::string node;        // "": the host's name
    std::string lease_namespace = source::kLeaseNamespace;
    uint32_t lease_seconds = 60;  // how long a renewal of it counts; 0: no Lease is held
    std::filesystem::path run_dir = "/run/catflap";
    GuardWish guard = GuardWish::automatic;  // close interfaces that no program judges
    OnFailure on_failure = OnFailure::closed;
    std::string metrics;         // ADDRESS:PORT, where they are served; "": nowhere
    size_t metrics_rows = 2000;  // endpoints, and policies, with series of their own
    // Begins of passes over what is loaded lie so far apart at least; 0: there are none but for who asks.
    int64_t verify_interval_ms = 10'000;
    spdlog::level::level_enum log_level = spdlog::level::info;
    LogFormat log_format = LogFormat::text;
    std::filesystem::path config;  // the file that some of these are from; ""
    ConfigStamp config_stamp;      // of it, before it was read
    bool without_pods = false;     // start where no Pod of this node is known
    bool check = false;
    bool remove = false;
};

// The flags whose values differ, and that only a start reads.
std::vector<std::string> needs_restart(const Options& running, const Options& now);

// Whether interfaces that nothing judges are closed. Mode audit drops nothing.
inline bool wants_guard(const Options& options) {
    return options.guard != GuardWish::off && options.mode != Mode::audit;
}

}  // namespace catflap::agent
