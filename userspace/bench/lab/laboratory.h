// SPDX-License-Identifier: Apache-2.0
// The place on the machine where everything happens, by the rules of scripts/lab/lab.sh: /run/catflap-lab/ID holds its
// files and its owner's process, its namespaces are called ID-..., its pins lie in /sys/fs/bpf/ID. So the next
// laboratory, or scripts/lab/reap, clears away what a killed harness left.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace catflap::bench {

class Laboratory {
  public:
    static Result<std::unique_ptr<Laboratory>> start();
    ~Laboratory();
    Laboratory(const Laboratory&) = delete;
    Laboratory& operator=(const Laboratory&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] std::filesystem::path directory() const { return "/run/catflap-lab/" + id_; }
    [[nodiscard]] std::filesystem::path pins() const { return "/sys/fs/bpf/" + id_; }
    // Kubernetes manifests, the source of all agents.
    [[nodiscard]] std::filesystem::path source() const { return directory() / "source"; }
    [[nodiscard]] std::filesystem::path log(const std::string& name) const { return directory() / "log" / name; }

  private:
    explicit Laboratory(std::string id) : id_(std::move(id)) {}
    std::string id_;
};

// "PID STARTTIME" of a process, as the owner is written down; from the text of its /proc/PID/stat.
std::string owner_of(int pid, const std::string& proc_stat);

}  // namespace catflap::bench
