// SPDX-License-Identifier: Apache-2.0
// The guard's programs where they hang in netfilter, by frames over a real veth: v3 is the pod's end, v2 the node's,
// which gets a pod's name here; v4 leads elsewhere. IPv6 only: frames of these tests have no IPv4 checksum. For IPv4
// see e2e/pod_start.test.
#include <bpf/bpf.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include "kernel/fixture.h"
#include "kernel/attach/guard_links.h"
#include "kernel/maps/map.h"

using namespace catflap;
using namespace catflap::test;

namespace {

bool kernel_has_it() {
    utsname system{};
    int major = 0, minor = 0;
    return uname(&system) == 0 && std::sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
           major * 1000 + minor >= 6004;
}

void shell(const std::string& commands) {
    if (std::system(("set -e\n" + commands).c_str()) != 0)
        throw std::runtime_error("failed: " + commands);
}

constexpr const char* kLayOut = R"(
    ip link set v2 down
    ip link set v2 address 02:00:00:00:00:02 name cali2
    for veth in v3 v4 v5; do echo 1 >/proc/sys/net/ipv6/conf/$veth/disable_ipv6; done
    for veth in cali2 v3 v4 v5; do ip link set $veth up; done
    echo 0 >/proc/sys/net/ipv6/conf/v4/disable_ipv6
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    ip address add 2001:db8::2/64 dev cali2 nodad
    ip route add 2001:db8:1::/64 dev v4
    ip neighbour replace 2001:db8:1::1 lladdr 02:00:00:00:00:09 dev v4
)";
constexpr const char* kTidyUp = R"(
    for name in cali4 v4; do ip link set $name down 2>/dev/null && ip link set $name name v4 group 0 || true; done
    for name in cali2 v2; do ip link set $name down 2>/dev/null && ip link set $name name v2 group 0 || true; done
)";

class Guarded {
  public:
    Guarded() {
        shell(kLayOut);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_ifindex = 3;
        REQUIRE(bind(pod_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        REQUIRE(kernel::GuardLinks::attach(lab_.pin_dir(), {"cali"}));
    }
    ~Guarded() { (void)!std::system(kTidyUp); }

    // The guard counts it when the pod sends it; a busy kernel takes it in a little later.
    bool drops(const Bytes& frame) const { return is_counted(frame, 10'000); }
    // Not counted, in one of a few tries: what was sent before, or by the kernel itself, may be counted late.
    bool lets_pass(const Bytes& frame) const {
        for (int tries = 0; tries < 5; ++tries)
            if (!is_counted(frame, 4))
                return true;
        return false;
    }
    bool is_counted(const Bytes& frame, int most_tries) const {
        const uint64_t before = lab_.drops(CATFLAP_REASON_UNJUDGED);
        REQUIRE(send(pod_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()));
        for (int tries = 0; tries < most_tries; ++tries) {
            if (lab_.drops(CATFLAP_REASON_UNJUDGED) != before)
                return true;
            usleep(500);
        }
        return false;
    }
    std::set<uint32_t> links() const {
        std::set<uint32_t> result;
        for (const auto& entry : std::filesystem::directory_iterator(pins())) {
            const auto pinned = kernel::open_pinned(entry.path());
            REQUIRE(pinned);
            bpf_link_info info{};
            uint32_t bytes = sizeof(info);
            REQUIRE(bpf_obj_get_info_by_fd((*pinned)->get(), &info, &bytes) == 0);
            result.insert(info.id);
        }
        return result;
    }
    const std::filesystem::path& pin_dir() const { return lab_.pin_dir(); }
    std::filesystem::path pins() const { return lab_.pin_dir() / "guard"; }

  private:
    KernelLab lab_;  // first: the namespace is its
    UniqueFd pod_{socket(AF_PACKET, SOCK_RAW, 0)};
};

const std::string kNode = "2001:db8::2";
const std::string kElsewhere = "2001:db8:1::1";

Bytes datagram(const std::string& to) {
    return Ethernet{} / Ipv6{.destination = to} / Udp{} / Payload{};
}
Bytes icmpv6(uint8_t type, uint8_t hop_limit, const std::string& to = kNode) {
    return Ethernet{} / Ipv6{.destination = to, .hop_limit = hop_limit} / Icmpv6{.type = type} / Payload{};
}
Bytes behind_extension(uint8_t extension, uint8_t type, uint8_t hop_limit) {
    return Ethernet{} / Ipv6{.destination = kNode, .hop_limit = hop_limit} / Ipv6Extension{.type = extension} /
           Icmpv6{.type = type} / Payload{};
}
constexpr uint8_t kHopByHop = 0, kDestination = 60;

}  // namespace

TEST_CASE("an interface outside of the group is closed, in both directions" * doctest::skip(!kernel_has_it())) {
    Guarded guarded;
    const std::string group = std::to_string(int{CATFLAP_GROUP_JUDGED});
    CHECK(guarded.drops(datagram(kNode)));
    CHECK(guarded.drops(datagram(kElsewhere)));
    shell("ip link set cali2 group " + group);
    CHECK(guarded.lets_pass(datagram(kNode)));
    CHECK(guarded.lets_pass(datagram(kElsewhere)));
    shell("ip link set v4 name cali4");
    CHECK(guarded.lets_pass(datagram(kNode)));
    CHECK(guarded.drops(datagram(kElsewhere)));
    shell("ip link set cali4 group " + group);
    CHECK(guarded.lets_pass(datagram(kElsewhere)));
}

TEST_CASE("a name that begins with any of the prefixes is a pod's, and with all of it" *
          doctest::skip(!kernel_has_it())) {
    Guarded guarded;
    REQUIRE(kernel::GuardLinks::attach(guarded.pin_dir(), {"azv", "eni", "longname"}));
    CHECK(guarded.lets_pass(datagram(kNode)));  // cali2
    for (const char* name : {"azv2", "eni2", "azv", "longname", "longname2"}) {
        CAPTURE(name);
        shell(fmt::format("ip link set cali2 name {}", name));
        CHECK(guarded.drops(datagram(kNode)));
        shell(fmt::format("ip link set {} name cali2", name));
    }
    for (const char* name : {"az2", "xazv2", "longnam2", "AZV2"}) {
        CAPTURE(name);
        shell(fmt::format("ip link set cali2 name {}", name));
        CHECK(guarded.lets_pass(datagram(kNode)));
        shell(fmt::format("ip link set {} name cali2", name));
    }
    for (const std::vector<std::string>& wrong :
         {std::vector<std::string>{}, {""}, {"longnames"}, std::vector<std::string>(CATFLAP_MAX_PREFIXES + 1, "cali")})
        CHECK_FALSE(kernel::GuardLinks::attach(guarded.pin_dir(), wrong));
    CHECK(guarded.lets_pass(datagram(kNode)));  // what was in force still is
}

TEST_CASE("interfaces of another name are none of the guard's business" * doctest::skip(!kernel_has_it())) {
    Guarded guarded;
    shell("ip link set cali2 name v2");
    CHECK(guarded.lets_pass(datagram(kNode)));
    CHECK(guarded.lets_pass(datagram(kElsewhere)));
}

TEST_CASE("a pod's neighbour discovery and listener reports reach the node" * doctest::skip(!kernel_has_it())) {
    Guarded guarded;
    for (const uint8_t type : Bytes{133, 135, 136}) {
        CHECK(guarded.lets_pass(icmpv6(type, 255)));
        CHECK(guarded.drops(icmpv6(type, 254)));
        CHECK(guarded.drops(icmpv6(type, 255, kElsewhere)));
        CHECK(guarded.drops(behind_extension(kDestination, type, 255)));
    }
    for (const uint8_t type : Bytes{130, 131, 132, 143}) {
        CHECK(guarded.lets_pass(icmpv6(type, 1)));
        CHECK(guarded.lets_pass(behind_extension(kHopByHop, type, 1)));
        CHECK(guarded.drops(behind_extension(kHopByHop, type, 255)));
    }
    for (const uint8_t type : Bytes{1, 128, 129, 134, 137, 142, 144})
        for (const uint8_t hop_limit : Bytes{1, 64, 255})
            CHECK(guarded.drops(icmpv6(type, hop_limit)));
    const Bytes no_type = Ethernet{} / Ipv6{.destination = kNode, .next_header = 58, .hop_limit = 255} / Payload{{}};
    CHECK(guarded.drops(no_type));
}

TEST_CASE("the next agent's links take the places of these, again and again" * doctest::skip(!kernel_has_it())) {
    Guarded guarded;
    for (int start = 0; start < 30; ++start) {
        const std::set<uint32_t> before = guarded.links();
        REQUIRE(kernel::GuardLinks::attach(guarded.pin_dir(), {"cali"}));
        CHECK(guarded.links().size() == 4);
        for (const uint32_t id : guarded.links())
            CHECK_FALSE(before.contains(id));
        CHECK(guarded.drops(datagram(kNode)));
        CHECK(guarded.drops(datagram(kElsewhere)));
    }
    REQUIRE(kernel::detach_guard(guarded.pin_dir()));
    CHECK_FALSE(std::filesystem::exists(guarded.pins()));
    CHECK(guarded.lets_pass(datagram(kNode)));
    REQUIRE(kernel::detach_guard(guarded.pin_dir()));
}
