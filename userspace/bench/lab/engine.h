// SPDX-License-Identifier: Apache-2.0
// catflap's eBPF engine without an agent and without traffic: for what is measured inside one process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/lab/laboratory.h"
#include "bench/lab/manifests.h"
#include "compile/commit/committer.h"
#include "kernel/datapath/datapath.h"
#include "source/directory/directory.h"

namespace catflap::bench {

// The cluster of these manifests, read as the agent reads them, from a directory of that name in the laboratory.
Result<source::Directory> read_source(const Laboratory& laboratory, const std::string& name, const Scale& scale);

class Engine {
  public:
    static Result<std::unique_ptr<Engine>> open(const Laboratory& laboratory, const std::string& name);

    // The server hangs on interface 1 (lo), the other pods of node-a on 1000 and up.
    Result<> enforce(const Cluster& cluster);

    kernel::Datapath& datapath() { return *datapath_; }
    compile::Committer& committer() { return *committer_; }
    // What the kernel accounts to the map.
    [[nodiscard]] uint64_t map_bytes(kernel::MapName name) const;
    [[nodiscard]] uint64_t map_bytes() const;

  private:
    std::unique_ptr<kernel::Datapath> datapath_;
    std::unique_ptr<compile::Committer> committer_;
};

}  // namespace catflap::bench
