// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/verdicts.h"

#include <poll.h>
#include <sys/socket.h>

#include "bench/traffic/arrivals.h"
#include "bench/lab/manifests.h"
#include "bench/lab/netns.h"
#include "bench/traffic/tcp_sockets.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

// A packet that is not there at once was dropped: nothing on the path waits. A busy machine is given more time where
// the packet should arrive.
constexpr int kSilenceMs = 25;
constexpr int kPatienceMs = 2000;

Result<bool> udp_arrives(const Site& site, const Probe& probe, int patience_ms) {
    auto receiver = udp_socket(site, probe.to, probe.port);
    auto sender = udp_socket(site, probe.from, 0);
    if (!receiver || !sender)
        return tl::unexpected(!receiver ? receiver.error() : sender.error());
    if (auto done = connect_to(sender->get(), probe.to, probe.port); !done)
        return tl::unexpected(done.error());
    if (send(sender->get(), "probe", 5, 0) != 5)
        return false;
    pollfd readable{receiver->get(), POLLIN, 0};
    return poll(&readable, 1, patience_ms) > 0;
}

Result<bool> tcp_arrives(const Site& site, const Probe& probe, int patience_ms) {
    auto listener = tcp_listener(site, probe.to, probe.port);
    if (!listener)
        return tl::unexpected(listener.error());
    auto connection = tcp_connection(site, probe.from, probe.to, probe.port, std::chrono::milliseconds(patience_ms));
    if (!connection && connection.error().code != ETIMEDOUT)
        return tl::unexpected(connection.error());
    return connection.has_value();
}

}  // namespace

std::string Probe::text() const {
    return fmt::format("{} -> {} {}/{}", from.name, to.name, port, tcp ? "TCP" : "UDP");
}

std::vector<Probe> stage_probes(bool far_only) {
    std::vector<Probe> probes;
    for (const PodPlace& from : {kFarClient, kFarStranger, kClient, kStranger}) {
        if (far_only && std::string_view(from.node) == kServer.node)
            continue;
        const bool client = std::string_view(from.role) == "client";
        for (const bool tcp : {false, true}) {
            probes.push_back({from, kServer, tcp, kFirstPort, client});
            probes.push_back({from, kServer, tcp, kLastPort, client});
            probes.push_back({from, kServer, tcp, kClosedPort, false});
        }
    }
    return probes;
}

std::vector<Probe> mixed_probes() {
    const auto tcp = [](const PodPlace& from, uint16_t port, bool allowed) {
        return Probe{from, kServer, true, port, allowed};
    };
    const auto udp = [](const PodPlace& from, uint16_t port, bool allowed) {
        return Probe{from, kServer, false, port, allowed};
    };
    return {tcp(kClient, 8200, true),
            tcp(kFarClient, 8200, true),
            tcp(kStranger, 8200, false),
            udp(kClient, 8200, false),
            tcp(kFarClient, 8100, true),
            tcp(kFarStranger, 8100, false),
            tcp(kClient, 8100, false),
            udp(kFarClient, 8100, true),
            udp(kFarClient, 8109, true),
            udp(kFarClient, 8099, false),
            udp(kFarStranger, 8109, false),
            udp(kStranger, 8110, true),
            udp(kFarStranger, 8110, false),
            tcp(kStranger, 8110, false),
            udp(kClient, kFirstPort, true),
            udp(kStranger, kFirstPort, false),
            {kServer, kClient, false, 8120, true},
            {kServer, kFarClient, false, 8120, true},
            {kServer, kStranger, false, 8120, false},
            {kServer, kFarStranger, false, 8120, false},
            {kServer, kClient, true, 8120, false},
            {kServer, kClient, false, 8121, false}};
}

Result<bool> arrives(const Site& site, const Probe& probe) {
    const bool expected = probe.allowed || !site.mode().enforces();
    const auto once = [&](int patience_ms) {
        return probe.tcp ? tcp_arrives(site, probe, patience_ms) : udp_arrives(site, probe, patience_ms);
    };
    auto arrived = once(expected ? kPatienceMs : kSilenceMs);
    if (arrived && *arrived != expected)
        arrived = once(kPatienceMs);
    if (!arrived)
        return fail_because(arrived.error(), "{} in mode {}", probe.text(), site.mode().name);
    return arrived;
}

std::vector<std::string> disagreements(const std::vector<Probe>& probes,
                                       const std::map<std::string, std::vector<bool>>& verdicts,
                                       const std::vector<Mode>& modes) {
    std::vector<std::string> found;
    for (const Mode& mode : modes) {
        const auto verdict = verdicts.find(mode.name);
        for (size_t i = 0; i < probes.size(); ++i) {
            const bool expected = probes[i].allowed || !mode.enforces();
            if (verdict == verdicts.end() || i >= verdict->second.size())
                found.push_back(fmt::format("{}: no verdict in mode {}", probes[i].text(), mode.name));
            else if (verdict->second[i] != expected)
                found.push_back(fmt::format("{}: {} in mode {}, should be {}", probes[i].text(),
                                            expected ? "dropped" : "let through", mode.name,
                                            expected ? "let through" : "dropped"));
        }
    }
    return found;
}

Result<> compare_verdicts(const std::vector<std::unique_ptr<Site>>& sites, const std::vector<Probe>& probes) {
    std::map<std::string, std::vector<bool>> verdicts;
    std::vector<Mode> modes;
    for (const auto& site : sites) {
        modes.push_back(site->mode());
        if (auto done = site->forget_connections(); !done)
            return done;
        for (const Probe& probe : probes) {
            auto arrived = arrives(*site, probe);
            if (!arrived)
                return tl::unexpected(arrived.error());
            verdicts[site->mode().name].push_back(*arrived);
        }
    }
    const auto found = disagreements(probes, verdicts, modes);
    if (!found.empty())
        return fail("the modes do not judge alike:\n  {}", fmt::join(found, "\n  "));
    return {};
}

}  // namespace catflap::bench
