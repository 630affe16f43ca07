// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <sys/stat.h>

namespace catflap::agent {

ConfigStamp stamp_of(const std::filesystem::path& path) {
    struct stat now {};
    if (path.empty() || stat(path.c_str(), &now) != 0)
        return {};
    constexpr int64_t kSecond_ns = 1'000'000'000;
    return {now.st_ino, now.st_size, now.st_mtim.tv_sec * kSecond_ns + now.st_mtim.tv_nsec};
}

std::vector<std::string> needs_restart(const Options& running, const Options& now) {
    std::vector<std::string> names;
    const auto compare = [&](const char* name, const auto& one, const auto& other) {
        if (one != other)
            names.emplace_back(name);
    };
    compare("--source", running.source_dir, now.source_dir);
    compare("--in-cluster", running.in_cluster, now.in_cluster);
    compare("--kubeconfig", running.kubeconfig, now.kubeconfig);
    compare("--context", running.context, now.context);
    compare("--api-server", running.api_server, now.api_server);
    compare("--lease-namespace", running.lease_namespace, now.lease_namespace);
    compare("--lease-seconds", running.lease_seconds, now.lease_seconds);
    compare("--node", running.node, now.node);
    compare("--mode", running.mode, now.mode);
    compare("--iptables-backend", running.backend, now.backend);
    compare("--established", running.keep_established, now.keep_established);
    compare("--run-dir", running.run_dir, now.run_dir);
    compare("--pin-dir", running.pin_dir, now.pin_dir);
    compare("--interface-prefix", running.interface_prefixes, now.interface_prefixes);
    compare("--guard", running.guard, now.guard);
    compare("--attach", running.attach, now.attach);
    compare("--fast-path", running.fast_path, now.fast_path);
    compare("--early-drop", running.early_drop, now.early_drop);
    compare("--verify-interval", running.verify_interval_ms, now.verify_interval_ms);
    compare("--without-pods", running.without_pods, now.without_pods);
    return names;
}

}  // namespace catflap::agent
