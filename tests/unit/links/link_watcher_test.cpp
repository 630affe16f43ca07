// SPDX-License-Identifier: Apache-2.0
#include "links/link_watcher.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>

#include <cstdio>
#include <fstream>
#include <optional>

#include "base/unique_fd.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::links;
using catflap::test::PrivateNetwork;

namespace {

// "cali1=10.0.0.1,10.0.0.2 cali2="
std::string words(const LinkWatcher& watcher) {
    std::vector<std::string> links;
    for (const auto& [ifindex, link] : watcher.links()) {
        CHECK(link.ifindex == ifindex);
        std::vector<std::string> addresses;
        for (const Address& address : link.host_routes)
            addresses.push_back(to_string(address));
        links.push_back(fmt::format("{}={}", link.name, fmt::join(addresses, ",")));
    }
    std::sort(links.begin(), links.end());
    return fmt::format("{}", fmt::join(links, " "));
}

std::string after_refresh(LinkWatcher& watcher) {
    REQUIRE(watcher.refresh().has_value());
    return words(watcher);
}

bool readable(int fd) {
    pollfd poller{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&poller, 1, 0) == 1;
}

}  // namespace

TEST_CASE("links and routes that are there at the start") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("cali1");
    network->add_veth("eth7");
    network->ip(R"(link add cali2 type veth peer name pcali2
        route add 10.0.0.2/32 dev cali1 scope link
        route add 10.0.0.1/32 dev cali1 scope link
        route add fd00::1/128 dev cali1
        route add 10.0.0.3/32 dev eth7 scope link
        route add 10.1.0.0/24 dev cali1 scope link
        route add 10.0.0.4/32 via 10.1.0.1 dev cali1
        route add 10.0.0.5/32 dev cali1 scope link table 100
        route add blackhole 10.0.0.6/32
        )");
    auto watcher = LinkWatcher::open().value();
    CHECK(words(watcher) == "cali1=10.0.0.1,10.0.0.2,fd00::1 cali2=");
    CHECK(watcher.links().contains(if_nametoindex("cali1")));
    CHECK_FALSE(watcher.refresh().value());
}

TEST_CASE("a namespace without any route, and nothing to watch") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    auto watcher = LinkWatcher::open().value();
    CHECK(watcher.links().empty());
    CHECK_FALSE(readable(watcher.fd()));
    CHECK_FALSE(watcher.refresh().value());
}

TEST_CASE("creation, deletion, and creation under the same name") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    auto watcher = LinkWatcher::open().value();
    network->add_veth("cali1");
    CHECK(readable(watcher.fd()));
    CHECK(watcher.refresh().value());
    CHECK_FALSE(readable(watcher.fd()));
    CHECK(words(watcher) == "cali1=");
    const uint32_t first = watcher.links().begin()->first;

    network->ip("route add 10.0.0.1/32 dev cali1 scope link\nroute add fd00::1/128 dev cali1\n");
    CHECK(after_refresh(watcher) == "cali1=10.0.0.1,fd00::1");
    network->ip("link del cali1\n");
    network->add_veth("cali1");
    CHECK(after_refresh(watcher) == "cali1=");
    CHECK(watcher.links().begin()->first != first);
    network->ip("link del cali1\n");
    CHECK(after_refresh(watcher).empty());
    CHECK(watcher.complete_readings() == 1);
}

TEST_CASE("a change that is undone before the call is none") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    auto watcher = LinkWatcher::open().value();
    network->add_veth("cali1");
    network->ip("link del cali1\n");
    CHECK_FALSE(watcher.refresh().value());
    network->add_veth("eth7");
    network->ip("route add 10.0.0.1/32 dev eth7 scope link\n");
    CHECK_FALSE(watcher.refresh().value());
}

TEST_CASE("routes come, go and move") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("cali1");
    network->add_veth("cali2");
    network->add_veth("eth7");
    auto watcher = LinkWatcher::open().value();
    network->ip(R"(route add 10.0.0.1/32 dev cali1 scope link
        route add 10.0.0.1/32 dev cali1 scope link metric 5
        route add fd00::1/128 dev cali1
        route add fd00:1::/64 dev cali1
        )");
    CHECK(after_refresh(watcher) == "cali1=10.0.0.1,fd00::1 cali2=");
    network->ip("route del 10.0.0.1/32 dev cali1 metric 5\n");
    CHECK(after_refresh(watcher) == "cali1=10.0.0.1,fd00::1 cali2=");

    SUBCASE("deleted") {
        network->ip("route del 10.0.0.1/32 dev cali1\nroute del fd00::1/128 dev cali1\n");
        CHECK(after_refresh(watcher) == "cali1= cali2=");
    }
    SUBCASE("replaced by another veth's: the kernel announces no deletion") {
        network->ip("route replace 10.0.0.1/32 dev cali2 scope link\n");
        network->ip("route replace fd00::1/128 dev cali2\n");
        CHECK(after_refresh(watcher) == "cali1= cali2=10.0.0.1,fd00::1");
    }
    SUBCASE("replaced by an interface that is not watched") {
        network->ip("route replace 10.0.0.1/32 dev eth7 scope link\n");
        CHECK(after_refresh(watcher) == "cali1=fd00::1 cali2=");
    }
    SUBCASE("replaced by a blackhole") {
        network->ip("route replace blackhole 10.0.0.1/32\n");
        CHECK(after_refresh(watcher) == "cali1=fd00::1 cali2=");
    }
    SUBCASE("gone silently with an interface that is set down") {
        network->ip("link set cali1 down\n");
        CHECK(after_refresh(watcher) == "cali1= cali2=");
        network->ip("link set cali1 up\nroute add 10.0.0.9/32 dev cali1 scope link\n");
        CHECK(after_refresh(watcher) == "cali1=10.0.0.9 cali2=");
    }
}

TEST_CASE("renames into the watched names, and an interface that leaves them stays watched until it is gone") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("eth7");
    auto watcher = LinkWatcher::open().value();
    network->ip(R"(route add 10.0.0.1/32 dev eth7 scope link
        link set eth7 down
        link set eth7 name cali1
        link set cali1 up
        )");
    CHECK(after_refresh(watcher) == "cali1=");
    network->ip(
        "link set cali1 down\nlink set cali1 name cali2\nlink set cali2 up\n"
        "route add 10.0.0.2/32 dev cali2 scope link\n");
    CHECK(after_refresh(watcher) == "cali2=10.0.0.2");
    network->ip(
        "link set cali2 down\nlink set cali2 name eth7\nlink set eth7 up\n"
        "route add 10.0.0.3/32 dev eth7 scope link\n");
    CHECK(after_refresh(watcher) == "eth7=10.0.0.3");

    // Kernels since 6.3 rename interfaces that are up, with their routes.
    if (std::system("ip link set eth7 name cali3 2>/dev/null") == 0)
        CHECK(after_refresh(watcher) == "cali3=10.0.0.3");
    const std::string name = words(watcher).substr(0, 5) == "cali3" ? "cali3" : "eth7";
    network->ip("link del " + name + "\n");
    CHECK(after_refresh(watcher).empty());
}

TEST_CASE("an interface of a watched group is watched under any name, also by a watcher that starts later") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("eth7");
    network->add_veth("eth8");
    network->ip("link set eth7 group 77\n");
    LinkWatchOptions options;
    options.groups = {77};
    auto watcher = LinkWatcher::open(options).value();
    CHECK(words(watcher) == "eth7=");
    network->ip("link set eth8 group 77\n");
    CHECK(after_refresh(watcher) == "eth7= eth8=");
    network->ip("link set eth8 group 78\n");
    CHECK(after_refresh(watcher) == "eth7= eth8=");
}

TEST_CASE("a bridge port that leaves its bridge stays, with its routes") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("cali1");
    network->ip("link add br0 type bridge\nroute add 10.0.0.1/32 dev cali1 scope link\n");
    auto watcher = LinkWatcher::open().value();
    network->ip("link set cali1 master br0\nlink set cali1 nomaster\n");
    CHECK(after_refresh(watcher) == "cali1=10.0.0.1");
}

namespace {

std::string addresses(LinkWatcher& watcher) {
    REQUIRE(watcher.refresh().has_value());
    std::vector<std::string> words;
    for (const Address& address : watcher.local_addresses())
        words.push_back(to_string(address));
    return fmt::format("{}", fmt::join(words, " "));
}

// The kernel inserts an IPv6 address's local route from a work queue, also without duplicate address detection.
bool has_soon(LinkWatcher& watcher, const std::string& expected) {
    for (int i = 0; i < 500 && addresses(watcher) != expected; ++i) {
        usleep(20'000);
        (void)watcher.refresh();
    }
    return addresses(watcher) == expected;
}

}  // namespace

TEST_CASE("the node's own addresses, on whatever interface") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("cali1");
    network->add_veth("eth7");
    network->ip(R"(link set lo up
        address add 10.8.0.1/24 dev eth7
        address add fd08::1/64 dev eth7 nodad
        address add fe80::7/64 dev cali1 nodad
        address add 192.0.2.1/32 dev lo
        route add local 10.77.0.0/16 dev lo
        )");
    auto watcher = LinkWatcher::open().value();
    CHECK(has_soon(watcher, "10.8.0.1 192.0.2.1 fd08::1 fe80::7"));
    CHECK(words(watcher) == "cali1=");

    network->ip("address add 10.8.0.1/32 dev cali1\naddress add 10.8.0.2/24 dev eth7\n");
    CHECK(watcher.refresh().value());
    CHECK(addresses(watcher) == "10.8.0.1 10.8.0.2 192.0.2.1 fd08::1 fe80::7");
    network->ip("address del 10.8.0.1/24 dev eth7\n");
    CHECK(addresses(watcher) == "10.8.0.1 192.0.2.1 fd08::1 fe80::7");
    network->ip("link del eth7\n");
    CHECK(addresses(watcher) == "10.8.0.1 192.0.2.1 fe80::7");
    network->ip("link del cali1\naddress del 192.0.2.1/32 dev lo\n");
    CHECK(addresses(watcher).empty());
    CHECK(watcher.complete_readings() == 1);
}

TEST_CASE("what kube-proxy's mode ipvs keeps on its own interface is no address of the node") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->ip("link add kube-ipvs0 type bridge\naddress add 10.96.0.1/32 dev kube-ipvs0\n");
    auto watcher = LinkWatcher::open().value();
    CHECK(addresses(watcher).empty());
    network->ip("address add 10.96.0.2/32 dev kube-ipvs0\n");
    CHECK_FALSE(watcher.refresh().value());
    network->ip("link add br0 type bridge\nlink set br0 up\naddress add 10.96.0.2/32 dev br0\n");
    CHECK(addresses(watcher) == "10.96.0.2");
}

TEST_CASE("another prefix") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("lxc1");
    network->add_veth("cali1");
    auto watcher = LinkWatcher::open({.prefixes = InterfacePrefixes::parse("lxc").value()}).value();
    CHECK(words(watcher) == "lxc1=");
}

TEST_CASE("several prefixes, and a host route without a scope, as Azure CNI writes it") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    for (const char* name : {"azv1", "eni1", "cali1"})
        network->add_veth(name);
    network->ip("route add 10.0.0.1/32 dev azv1 proto static scope global\n");
    auto watcher = LinkWatcher::open({.prefixes = InterfacePrefixes::parse("azv,eni").value()}).value();
    CHECK(words(watcher) == "azv1=10.0.0.1 eni1=");
    network->ip("route add 10.0.0.2/32 dev eni1 scope global\nroute del 10.0.0.1/32 dev azv1\n");
    CHECK(after_refresh(watcher) == "azv1= eni1=10.0.0.2");
}

namespace {

constexpr int kBurst = 300;

std::string burst() {
    std::string lines;
    for (int i = 0; i < kBurst; ++i)
        lines += fmt::format(
            "link add cali{0} type veth peer name p{0}\nlink set cali{0} up\n"
            "route add 10.0.{1}.{2}/32 dev cali{0} scope link\nroute add fd00::{3:x}/128 dev cali{0}\n",
            i, i / 200, i % 200, i + 1);
    return lines;
}

void check_burst(const LinkWatcher& watcher) {
    CHECK(watcher.links().size() == kBurst);
    for (const auto& [ifindex, link] : watcher.links())
        CHECK(link.host_routes.size() == 2);
}

}  // namespace

TEST_CASE("300 veths in a burst pass through the receive buffer") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    auto watcher = LinkWatcher::open().value();
    network->ip(burst());
    CHECK(watcher.refresh().value());
    check_burst(watcher);
    CHECK(watcher.complete_readings() == 1);
}

TEST_CASE("what the kernel could not queue is read anew") {
    auto network = PrivateNetwork::make();
    if (!network)
        return;
    network->add_veth("cali999");
    auto watcher = LinkWatcher::open({.receive_buffer_bytes = 4096}).value();
    network->ip("link del cali999\n" + burst());
    CHECK(readable(watcher.fd()));
    CHECK(watcher.refresh().value());
    check_burst(watcher);
    CHECK(watcher.complete_readings() > 1);
    CHECK_FALSE(watcher.refresh().value());

    network->ip("link del cali7\n");
    CHECK(watcher.refresh().value());
    CHECK(watcher.links().size() == kBurst - 1);
}

TEST_CASE("the watcher stays in the namespace in which it was opened") {
    auto outer = PrivateNetwork::make();
    if (!outer)
        return;
    outer->add_veth("cali1");
    auto watcher = LinkWatcher::open({.receive_buffer_bytes = 4096}).value();
    outer->ip(burst().insert(0, "link del cali1\n"));
    {
        auto inner = PrivateNetwork::make();
        REQUIRE(inner);
        inner->add_veth("cali2");
        REQUIRE(watcher.refresh().has_value());
    }
    check_burst(watcher);
}
