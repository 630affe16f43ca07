// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/slices.h"

namespace catflap::bench {

Result<std::map<std::string, std::vector<double>>> take_turns(std::span<const Visited> modes, const Turns& turns) {
    std::vector<Visited> way(modes.begin(), modes.end());
    way.insert(way.end(), modes.rbegin(), modes.rend());
    const auto rest = [&]() -> Result<> {
        for (const Visited& mode : modes)
            if (auto done = mode.workload->rest(); !done)
                return fail_because(done.error(), "mode {}", mode.mode);
        return {};
    };
    std::map<std::string, std::vector<double>> rates;
    // The first turn warms up: sockets and flows are new in it.
    for (size_t turn = 0; turn <= turns.count; ++turn) {
        if (auto done = rest(); !done)
            return tl::unexpected(done.error());
        for (const Visited& mode : way) {
            auto slice = mode.workload->work(turns.lead_in_ns);
            if (slice)
                slice = mode.workload->work(turns.slice_ns);
            if (!slice)
                return fail_because(slice.error(), "mode {}", mode.mode);
            if (turn > 0)
                rates[mode.mode].push_back(slice->per_second());
        }
    }
    if (auto done = rest(); !done)  // what came after the last slice is looked at there
        return tl::unexpected(done.error());
    return rates;
}

}  // namespace catflap::bench
