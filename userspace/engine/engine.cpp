// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <spdlog/spdlog.h>

#include "engine/ebpf/ebpf_engine.h"
#include "engine/iptables/iptables_engine.h"
#include "netfilter/tracking.h"

namespace catflap::engine {
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

Result<std::unique_ptr<Engine>> RealEngines::open(const Options& options, const compile::Capacity& capacity) {
    return options.mode == Mode::iptables ? IptablesEngine::open(options)
                                          : EbpfEngine::open(options, capacity, uplink_programs_);
}

Result<> RealEngines::remove_others(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (options.mode != Mode::iptables)
        return iptables::remove_engines();
    if (auto done = remove_datapath(options, interfaces); !done)
        return done;
    return iptables::remove_engines(options.backend);
}

Result<> RealEngines::remove_all(const Options& options, const std::vector<uint32_t>& interfaces) {
    if (auto done = remove_datapath(options, interfaces); !done)
        return done;
    return iptables::remove_engines();
}

}  // namespace catflap::engine
