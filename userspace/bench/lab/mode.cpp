// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/mode.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <sstream>

namespace catflap::bench {

std::vector<Mode> available_modes(const std::string& catflapd_help, const Machine& machine) {
    const bool has_iptables_mode = catflapd_help.find("--iptables-backend") != std::string::npos;
    const bool has_fast_path = catflapd_help.find("--fast-path") != std::string::npos;
    const std::string common = machine.has_legacy_iptables ? "legacy" : "nft";
    std::vector<Mode> modes = {{kNone, {}, common, true}, {kControl, {}, common, true}};
    if (machine.has_tcx)
        modes.push_back({kFloor, {}, common, true, false, true});
    // What is not about the fast path is measured without it: whatever rules the laboratory has.
    std::vector<std::string> ebpf = {"--mode", "ebpf"};
    if (has_fast_path) {
        ebpf.insert(ebpf.end(), {"--fast-path", "off"});
        modes.push_back({kFast, {"--mode", "ebpf", "--fast-path", "on"}, common, true});
    }
    modes.push_back({kEbpf, ebpf, common, true});
    if (has_iptables_mode && machine.has_legacy_iptables)
        modes.push_back({kLegacy, {"--mode", "iptables", "--iptables-backend", "legacy"}, "legacy", true});
    if (has_iptables_mode)
        modes.push_back({kNft, {"--mode", "iptables", "--iptables-backend", "nft"}, "nft", true});
    // What the guard and early drop are of the difference.
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), ebpf.begin(), ebpf.end());
        return more;
    };
    modes.push_back({"ebpf-unguarded", with({"--guard", "off"}), common, true, true});
    modes.push_back({"ebpf-guard-nft", with({"--guard", "nft"}), common, true, true});
    modes.push_back({"ebpf-no-early-drop", with({"--early-drop", "off"}), common, true, true});
    modes.push_back({"ebpf-xdp-generic", with({"--early-drop", "xdp-generic"}), common, true, true});
    modes.push_back({"none-bare", {}, common, false, true});
    modes.push_back({"ebpf-bare", ebpf, common, false, true});
    return modes;
}

Result<std::vector<Mode>> choose_modes(const std::vector<Mode>& available, const std::string& names) {
    std::set<std::string> wanted;
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) {
        if (std::ranges::find(available, name, &Mode::name) == available.end())
            return fail("no mode '{}' here; there are: {}", name,
                        fmt::join(available | std::views::transform(&Mode::name), ", "));
        wanted.insert(name);
        if (name == kNone)
            wanted.insert(kControl);
    }
    if (names.empty())
        for (const Mode& mode : available)
            if (!mode.on_request)
                wanted.insert(mode.name);
    std::vector<Mode> chosen;
    std::ranges::copy_if(available, std::back_inserter(chosen),
                         [&](const Mode& mode) { return wanted.contains(mode.name); });
    return chosen;
}

}  // namespace catflap::bench
