// SPDX-License-Identifier: Apache-2.0
// What a watcher knows of the veths themselves, with the kernel's netlink.
#include <doctest/doctest.h>
#include <net/if.h>
#include <unistd.h>

#include <thread>

#include "links/link_watcher.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::links;
using catflap::test::PrivateNetwork;

namespace {

// Another network namespace than the test's.
UniqueFd a_pods_namespace() {
    UniqueFd fd;
    std::thread([&] {
        REQUIRE(unshare(CLONE_NEWNET) == 0);
        fd.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
    return fd;
}

void ip_in(const UniqueFd& network, const std::string& lines) {
    std::thread([&] {
        REQUIRE(setns(network.get(), CLONE_NEWNET) == 0);
        PrivateNetwork::ip(lines);
    }).join();
}

LinkFacts facts(LinkWatcher& watcher, const char* name) {
    REQUIRE(watcher.refresh());
    return watcher.facts(if_nametoindex(name));
}

}  // namespace

TEST_CASE("a veth into a pod is told from one whose ends are both here, by dump and by notification") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    const UniqueFd pod = a_pods_namespace();
    auto watcher = LinkWatcher::open();
    REQUIRE(watcher);
    PrivateNetwork::ip(
        fmt::format("link add cali1 type veth peer name p1\nlink add cali2 type veth peer name p2\n"
                    "link set cali1 up\nlink set cali2 up\nlink set p2 up\nlink set p1 netns /proc/{}/fd/{}\n",
                    getpid(), pod.get()));
    ip_in(pod, "link set p1 up\n");
    auto later = LinkWatcher::open();
    REQUIRE(later);
    for (auto* one : {&*watcher, &*later}) {
        CHECK(facts(*one, "cali1") == LinkFacts{true, true, 1500});
        CHECK(facts(*one, "cali2") == LinkFacts{false, true, 1500});
    }
}

TEST_CASE("an end that goes down, another MTU and a bridge are told; they are no change of the links") {
    const auto network = PrivateNetwork::make();
    if (!network)
        return;
    const UniqueFd pod = a_pods_namespace();
    PrivateNetwork::ip(fmt::format(
        "link add cali1 type veth peer name p1 netns /proc/{}/fd/{}\nlink set cali1 up\nlink add cali2 type bridge\n"
        "link set cali2 up\n",
        getpid(), pod.get()));
    ip_in(pod, "link set p1 up\n");
    auto watcher = LinkWatcher::open();
    REQUIRE(watcher);
    CHECK(facts(*watcher, "cali1") == LinkFacts{true, true, 1500});
    CHECK_FALSE(facts(*watcher, "cali2").veth_into_a_pod);

    ip_in(pod, "link set p1 down\n");
    PrivateNetwork::ip("link set cali1 mtu 1400\n");
    const auto changed = watcher->refresh();
    REQUIRE(changed);
    CHECK_FALSE(*changed);
    CHECK(facts(*watcher, "cali1") == LinkFacts{true, false, 1400});

    const uint32_t ifindex = if_nametoindex("cali1");
    PrivateNetwork::ip("link del cali1\n");
    REQUIRE(watcher->refresh());
    CHECK(watcher->facts(ifindex) == LinkFacts{});
}
