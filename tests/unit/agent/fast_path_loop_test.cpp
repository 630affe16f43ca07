// SPDX-License-Identifier: Apache-2.0
// The agent's loop and the gates of the fast path: opened when nothing stands against it, closed when something comes.
#include <doctest/doctest.h>
#include <net/if.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "netfilter/own_table.h"
#include "unit/agent/loop_site.h"

using namespace catflap;
using catflap::engine::FastPathWish;
using catflap::test::AgentSite;
using catflap::test::PrivateNetwork;
using namespace std::chrono_literals;

namespace {

constexpr const char* kLiberal = "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal";
constexpr const char* kForward =
    "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; };"
    "add rule ip filter FORWARD tcp dport 1 accept";

// The far ends of both pods' veths go to a namespace of their own, and up. It goes with the descriptor.
UniqueFd move_pods() {
    UniqueFd pods;
    std::thread([&] {
        REQUIRE(unshare(CLONE_NEWNET) == 0);
        pods.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
    for (const char* end : {"pcali1", "pcali2"})
        PrivateNetwork::ip(fmt::format("link set {} netns /proc/{}/fd/{}\n", end, getpid(), pods.get()));
    std::thread([&] {
        REQUIRE(setns(pods.get(), CLONE_NEWNET) == 0);
        PrivateNetwork::ip("link set pcali1 up\nlink set pcali2 up\n");
    }).join();
    return pods;
}

class Site {
  public:
    static std::unique_ptr<Site> make(FastPathWish wish = FastPathWish::automatic, bool liberal = true) {
        auto node = AgentSite::make();
        if (!node)
            return nullptr;
        UniqueFd pods = move_pods();
        std::ofstream(kLiberal) << (liberal ? 1 : 0);
        node->kernel.redirects = true;
        node->options().fast_path = wish;
        auto site = std::make_unique<Site>();
        site->pods = std::move(pods);
        site->node = std::move(node);
        return site;
    }
    void begin() const {
        node->begin();
        REQUIRE(node->enforces());
    }
    [[nodiscard]] std::string gates() const {
        std::string words;
        for (const char* name : {"cali1", "cali2"}) {
            const auto gate = node->kernel.gates.find(if_nametoindex(name));
            words += gate == node->kernel.gates.end() ? '0' : static_cast<char>('0' + gate->second);
        }
        return words;
    }
    [[nodiscard]] bool reaches(const std::string& wanted, std::chrono::milliseconds patience = 2s) const {
        return node->reaches([&] { return gates() == wanted; }, patience);
    }
    [[nodiscard]] std::string off() const { return node->status().fast_path->off; }

    UniqueFd pods;
    std::unique_ptr<AgentSite> node;
};

}  // namespace

TEST_CASE("gates open; rules of others close them, and open them again when they go") {
    const auto site = Site::make();
    if (!site)
        return;
    site->begin();
    REQUIRE(site->reaches("22"));
    CHECK(site->node->status().fast_path->pods == 2);
    REQUIRE(netfilter::run_nft(kForward));
    REQUIRE(site->reaches("00"));
    CHECK(site->off() == "rules of others see forwarded packets: table ip filter, chain FORWARD");
    REQUIRE(netfilter::run_nft("delete table ip filter"));
    CHECK(site->reaches("22"));
}

TEST_CASE("a strict conntrack leaves UDP; --fast-path on makes it liberal, and heeds no rules of others") {
    const auto careful = Site::make(FastPathWish::automatic, false);
    if (!careful)
        return;
    careful->begin();
    CHECK(careful->reaches("11"));
    std::ofstream(kLiberal) << 1;
    CHECK(careful->reaches("22"));

    const auto bold = Site::make(FastPathWish::on, false);
    REQUIRE(netfilter::run_nft(kForward));
    bold->begin();
    CHECK(bold->reaches("22"));
}

TEST_CASE("one endpoint: what others have there, and a link that goes down") {
    const auto site = Site::make();
    if (!site)
        return;
    site->begin();
    REQUIRE(site->reaches("22"));
    site->node->kernel.others["cali1"] = "a qdisc";
    CHECK(site->reaches("02"));
    site->node->kernel.others.clear();
    CHECK(site->reaches("22"));
    PrivateNetwork::ip("link set cali2 down\n");
    CHECK(site->reaches("20", 500ms));
}

TEST_CASE("where there is none, no gate opens, and it is said why") {
    const auto site = Site::make(FastPathWish::off);
    if (!site)
        return;
    site->begin();
    CHECK_FALSE(site->reaches("22", 300ms));
    CHECK(site->off() == "--fast-path off");

    const auto without = Site::make();
    without->node->kernel.redirects = false;
    without->begin();
    CHECK_FALSE(without->reaches("22", 300ms));
    CHECK(without->off() == "mode iptables has none");
}

TEST_CASE("uplinks are told with their ways, and closed when others come there") {
    const auto site = Site::make();
    if (!site)
        return;
    PrivateNetwork::add_veth("eth0");
    PrivateNetwork::ip("address add 192.0.2.2/24 dev eth0\nroute add default via 192.0.2.1\n");
    const uint32_t eth0 = if_nametoindex("eth0");
    const auto ways = [&] {
        const auto found = site->node->kernel.short_uplinks.find(eth0);
        return found == site->node->kernel.short_uplinks.end() ? 0U : found->second.ways;
    };
    const auto reach = [&](uint32_t wanted) { return site->node->reaches([&] { return ways() == wanted; }, 3s); };
    constexpr uint32_t kBoth = CATFLAP_UPLINK_IN | CATFLAP_UPLINK_OUT;
    site->begin();
    REQUIRE(reach(kBoth));
    REQUIRE(site->node->status().fast_path->uplinks.size() == 1);
    CHECK(site->node->status().fast_path->uplinks.front().name == "eth0");
    site->node->kernel.others["eth0"] = "a filter";
    REQUIRE(reach(0));
    CHECK(site->node->status().fast_path->uplinks.front().refusal == "a filter");
    site->node->kernel.others.clear();
    REQUIRE(reach(kBoth));
    PrivateNetwork::ip("link set eth0 mtu 1400\n");
    CHECK(reach(CATFLAP_UPLINK_IN));
    PrivateNetwork::ip("link set eth0 mtu 1500\n");
    REQUIRE(reach(kBoth));
    site->node->kernel.refuses_uplinks = "no TCX";
    CHECK(reach(0));
    site->node->kernel.refuses_uplinks.clear();
    REQUIRE(reach(kBoth));
    REQUIRE(netfilter::run_nft(kForward));
    CHECK(reach(0));
    REQUIRE(netfilter::run_nft("delete table ip filter"));
    REQUIRE(reach(kBoth));
    PrivateNetwork::ip("route del default\n");
    CHECK(reach(0));
}
