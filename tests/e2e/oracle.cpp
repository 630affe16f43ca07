// SPDX-License-Identifier: Apache-2.0
// The third witness of the end-to-end tests: what the oracle says of the probes that real packets tried.
// Usage: catflap-oracle DIRECTORY <PROBES. A line is SOURCE DESTINATION PORT/PROTOCOL allowed|dropped LABEL...; prints
// those that the oracle sees otherwise under the manifests in DIRECTORY, and ends with 1 where there are any.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <sstream>

#include "oracle/oracle.h"
#include "source/directory/directory.h"

using namespace catflap;

namespace {

std::optional<oracle::Packet> parse(std::istream& line) {
    std::string source, destination, what;
    line >> source >> destination >> what;
    const auto from = parse_address(source);
    const auto to = parse_address(destination);
    const size_t slash = what.find('/');
    if (!from || !to || slash == std::string::npos)
        return std::nullopt;
    oracle::Packet packet{*from, *to, 0, 0};
    std::from_chars(what.data(), what.data() + slash, packet.destination_port);
    const std::string protocol = what.substr(slash + 1);
    packet.protocol = protocol == "tcp" ? 6 : protocol == "udp" ? 17 : packet.source.is_ipv4() ? 1 : 58;
    return packet;
}

// The node's own traffic to its pods is no matter of policies.
bool is_by_its_node(const Cluster& cluster, const oracle::Packet& packet) {
    for (const auto& [name, pod] : cluster.pods) {
        const auto node = cluster.nodes.find(pod.node);
        if (node != cluster.nodes.end() &&
            std::ranges::find(pod.addresses, packet.destination) != pod.addresses.end() &&
            std::ranges::find(node->second.addresses, packet.source) != node->second.addresses.end())
            return true;
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: catflap-oracle DIRECTORY <PROBES\n");
        return 2;
    }
    const auto directory = source::Directory::open(argv[1]);
    if (!directory) {
        fmt::print(stderr, "catflap-oracle: {}\n", directory.error().message);
        return 2;
    }
    const Cluster& cluster = directory->cluster();
    size_t probes = 0;
    size_t differences = 0;
    for (std::string text; std::getline(std::cin, text); ++probes) {
        std::istringstream line(text);
        const auto packet = parse(line);
        std::string expected, label;
        line >> expected >> std::ws;
        std::getline(line, label);
        if (!packet || (expected != "allowed" && expected != "dropped")) {
            fmt::print(stderr, "catflap-oracle: cannot read '{}'\n", text);
            return 2;
        }
        const oracle::Decision decision = oracle::judge_connection(cluster, *packet);
        const bool allowed = decision.allowed || is_by_its_node(cluster, *packet);
        if (allowed == (expected == "allowed"))
            continue;
        ++differences;
        fmt::print("{}: the oracle says {}: {}\n", label, allowed ? "allowed" : "dropped", decision.why);
    }
    if (probes == 0)
        fmt::print(stderr, "catflap-oracle: no probes\n");
    return differences == 0 && probes != 0 ? 0 : 1;
}
