// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/site.h"

#include "bench/lab/floor.h"
#include "bench/measure/clock.h"
#include "bench/lab/netns.h"

namespace catflap::bench {
namespace {

constexpr const char* kNodeMac = "ee:ee:ee:ee:ee:ee";
constexpr const char* kUplinkA = "02:aa:00:00:00:01";
constexpr const char* kUplinkB = "02:aa:00:00:00:02";
constexpr const char* kParking = "parking";

// What kube-proxy leaves on every node, as far as a packet that is for no Service meets it. It also makes conntrack
// look at every packet, which no node of Kubernetes goes without.
constexpr const char* kKubeProxyRules = R"(*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
)";

std::string veth_name(const std::string& pod) {
    return calico_interface_name({kNamespace, pod});
}

std::string pod_mac(const std::string& address) {
    const Address parsed = parse_address(address).value();
    return fmt::format("02:00:{:02x}:{:02x}:{:02x}:{:02x}", parsed.bytes[12], parsed.bytes[13], parsed.bytes[14],
                       parsed.bytes[15]);
}

// The first twelve bytes of a frame.
std::array<uint8_t, 12> macs(const std::string& destination, const std::string& source) {
    std::array<uint8_t, 12> bytes{};
    for (size_t i = 0; i < 6; ++i) {
        bytes[i] = static_cast<uint8_t>(std::stoul(destination.substr(3 * i, 2), nullptr, 16));
        bytes[6 + i] = static_cast<uint8_t>(std::stoul(source.substr(3 * i, 2), nullptr, 16));
    }
    return bytes;
}

// As Calico does it, but that neighbours are written down: no measurement waits for ARP.
std::string veth_commands(const std::string& veth, const std::string& address, const std::string& peer_netns,
                          const std::string& peer) {
    return fmt::format(
        "link add {0} address {1} type veth peer name {2} address {3} netns {4}\n"
        "link set {0} up\n"
        "route add {5} dev {0} scope link\n"
        "neighbor add {5} lladdr {3} dev {0} nud permanent\n",
        veth, kNodeMac, peer, pod_mac(address), peer_netns, address);
}

const std::map<std::string, std::string> kNodeSettings = {{"ipv6/conf/all/disable_ipv6", "1"},
                                                          {"ipv6/conf/default/disable_ipv6", "1"},
                                                          {"ipv4/conf/all/rp_filter", "0"},
                                                          {"ipv4/conf/default/rp_filter", "0"},
                                                          {"ipv4/ip_forward", "1"}};
const std::map<std::string, std::string> kPodSettings = {{"ipv6/conf/all/disable_ipv6", "1"},
                                                         {"ipv6/conf/default/disable_ipv6", "1"},
                                                         {"ipv4/ip_local_port_range", "10240 65535"}};

}  // namespace

std::array<uint8_t, 12> wire_to_node_a() {
    return macs(kUplinkA, kUplinkB);
}

std::string parked_name(size_t index) {
    return fmt::format("parked-{}", index);
}
std::string parked_address(size_t index) {
    return fmt::format("10.1.{}.{}", 1 + index / 200, 1 + index % 200);
}

Site::Site(const Laboratory& laboratory, Mode mode, size_t number)
    : laboratory_(laboratory),
      mode_(std::move(mode)),
      prefix_(fmt::format("{}-{}-", laboratory.id(), number)),
      label_(fmt::format("{}", number)) {}

Result<std::unique_ptr<Site>> Site::build(const Laboratory& laboratory, const Mode& mode, size_t number) {
    std::unique_ptr<Site> site(new Site(laboratory, mode, number));
    if (auto done = site->build_nodes(); !done)
        return fail_because(done.error(), "lay out mode {}", mode.name);
    for (const PodPlace& pod : {kServer, kFarClient, kFarStranger})
        if (auto done = site->build_pod(pod); !done)
            return fail_because(done.error(), "lay out pod {} of mode {}", pod.name, mode.name);
    if (auto done = site->lay_floor(); !done)
        return fail_because(done.error(), "lay out mode {}", mode.name);
    return site;
}

Result<> Site::batch(const std::string& place, const std::string& commands) const {
    auto done = run({"ip", "-batch", "-"}, commands, {.netns = place.empty() ? "" : netns(place)});
    if (!done)
        return tl::unexpected(done.error());
    return {};
}

Result<> Site::build_nodes() {
    std::string names;
    for (const std::string& place : {kNodeA, kNodeB, std::string(kParking)})
        names += fmt::format("netns add {}\n", netns(place));
    if (auto done = batch("", names); !done)
        return done;
    for (const std::string& node : {kNodeA, kNodeB})
        if (auto done = set_sysctls(netns(node), kNodeSettings); !done)
            return done;
    if (auto done = set_sysctls(netns(std::string(kParking)), kPodSettings); !done)
        return done;
    const auto uplink = [](int own, int other) {
        return fmt::format(
            "link set lo up\nlink set eth0 up\n"
            "address add 10.0.0.{0}/32 dev eth0\nroute add 10.0.0.{1} dev eth0 scope link\n"
            "neighbor add 10.0.0.{1} lladdr 02:aa:00:00:00:0{1} dev eth0 nud permanent\n"
            "route add 10.{1}.0.0/16 via 10.0.0.{1} dev eth0\n",
            own, other);
    };
    if (auto done = batch(kNodeA, fmt::format("link add eth0 address {} type veth peer name eth0 address {} netns {}\n",
                                              kUplinkA, kUplinkB, netns(kNodeB)));
        !done)
        return done;
    for (const auto& [node, commands] : {std::pair{kNodeA, uplink(1, 2)}, std::pair{kNodeB, uplink(2, 1)}}) {
        if (auto done = batch(node, commands); !done)
            return done;
        if (auto done = install_kube_proxy_rules(node); mode_.kube_proxy && !done)
            return done;
    }
    return {};
}

Result<> Site::install_kube_proxy_rules(const std::string& node) const {
    if (!mode_.kube_proxy)
        return {};
    auto done = run({"iptables-" + mode_.iptables + "-restore", "--noflush"}, kKubeProxyRules, {.netns = netns(node)});
    if (!done)
        return tl::unexpected(done.error());
    return {};
}

Result<> Site::build_pod(const PodPlace& pod) {
    if (auto done = batch("", fmt::format("netns add {}\n", netns(pod))); !done)
        return done;
    if (auto done = set_sysctls(netns(pod), kPodSettings); !done)
        return done;
    if (auto done = batch(pod.node, veth_commands(veth_name(pod.name), pod.address, netns(pod), "eth0")); !done)
        return done;
    return batch(pod.name, fmt::format("link set lo up\nlink set eth0 up\naddress add {}/32 dev eth0\n"
                                       "route add 169.254.1.1 dev eth0 scope link\n"
                                       "route add default via 169.254.1.1 dev eth0\n"
                                       "neighbor add 169.254.1.1 lladdr {} dev eth0 nud permanent\n",
                                       pod.address, kNodeMac));
}

Result<> Site::add_near_pods() {
    if (std::exchange(has_near_pods_, true))
        return {};
    for (const PodPlace& pod : {kClient, kStranger})
        if (auto done = build_pod(pod); !done)
            return fail_because(done.error(), "lay out pod {} of mode {}", pod.name, mode_.name);
    return lay_floor();
}

// For the pods that are there now.
Result<> Site::lay_floor() {
    floor_.clear();
    if (!mode_.floor)
        return {};
    for (const auto& [node, uplink] :
         {std::pair{kNodeA, macs(kUplinkB, kUplinkA)}, {kNodeB, macs(kUplinkA, kUplinkB)}}) {
        std::vector<FloorRoute> routes;
        for (const PodPlace& pod : kPods) {
            if (!has_near_pods_ && (&pod == &kPods[1] || &pod == &kPods[2]))
                continue;
            const bool here = pod.node == node;
            routes.push_back({pod.address, here ? macs(pod_mac(pod.address), kNodeMac) : uplink,
                              here ? veth_name(pod.name) : "eth0", here});
        }
        auto links = bench::lay_floor(netns(node), routes);
        if (!links)
            return tl::unexpected(links.error());
        std::ranges::move(*links, std::back_inserter(floor_));
    }
    return {};
}

Result<> Site::park(size_t count) {
    std::string commands;
    for (; parked_ < count; ++parked_)
        commands += veth_commands(veth_name(parked_name(parked_)), parked_address(parked_),
                                  netns(std::string(kParking)), fmt::format("eth{}", parked_));
    return commands.empty() ? Result<>{} : batch(kNodeA, commands);
}

Result<> Site::forget_connections() const {
    for (const std::string& node : {kNodeA, kNodeB})
        if (auto done = flush_conntrack(netns(node)); mode_.kube_proxy && !done)
            return done;
    return {};
}

}  // namespace catflap::bench
