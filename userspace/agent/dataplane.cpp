// SPDX-License-Identifier: Apache-2.0
#include "agent/dataplane.h"

#include "agent/ebpf_dataplane.h"
#include "agent/iptables_dataplane.h"

namespace catflap::agent {

Result<std::unique_ptr<Dataplane>> open_dataplane(const Options& options, const compile::Capacity& capacity) {
    return options.mode == Mode::iptables ? IptablesDataplane::open(options) : EbpfDataplane::open(options, capacity);
}

Result<> remove_other_dataplanes(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (options.mode != Mode::iptables)
        return iptables::remove_engines();
    if (auto done = kernel::remove_datapath(options.pin_dir, interfaces); !done)
        return done;
    return iptables::remove_engines(options.backend);
}

Result<> remove_dataplanes(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (auto done = kernel::remove_datapath(options.pin_dir, interfaces); !done)
        return done;
    return iptables::remove_engines();
}

}  // namespace catflap::agent
