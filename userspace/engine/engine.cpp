// SPDX-License-Identifier: Apache-2.0
#include "agent/dataplane.h"

#include <spdlog/spdlog.h>

#include "agent/ebpf_dataplane.h"
#include "agent/iptables_dataplane.h"
#include "netfilter/tracking.h"

namespace catflap::agent {
namespace {

// With what keeps nf_conntrack at work for it.
Result<> remove_datapath(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (auto done = kernel::remove_datapath(options.pin_dir, interfaces); !done)
        return done;
    if (auto done = netfilter::tracking_table().remove(); !done)
        spdlog::warn("{}; if there is one, it does no harm", done.error().message);
    return {};
}

}  // namespace

Result<std::unique_ptr<Dataplane>> open_dataplane(const Options& options, const compile::Capacity& capacity) {
    return options.mode == Mode::iptables ? IptablesDataplane::open(options) : EbpfDataplane::open(options, capacity);
}

Result<> remove_other_dataplanes(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (options.mode != Mode::iptables)
        return iptables::remove_engines();
    if (auto done = remove_datapath(options, interfaces); !done)
        return done;
    return iptables::remove_engines(options.backend);
}

Result<> remove_dataplanes(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (auto done = remove_datapath(options, interfaces); !done)
        return done;
    return iptables::remove_engines();
}

}  // namespace catflap::agent
