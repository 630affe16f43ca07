// SPDX-License-Identifier: Apache-2.0
#include "support/packets/describe.h"

#include <doctest/doctest.h>

using namespace catflap::test;

TEST_CASE("frames in words") {
    const Packet syn = Ethernet{} / Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1"} / Tcp{};
    CHECK(describe(syn) == "IPv4 10.0.0.2 -> 10.0.0.1, TCP 40000 -> 80 [SYN], 54 bytes");
    CHECK(describe(Ethernet{} / Ipv6{.source = "fd00::2", .destination = "fd00::1"} / Udp{}) ==
          "IPv6 fd00::2 -> fd00::1, UDP 40000 -> 53, 62 bytes");
    CHECK(describe(Ethernet{} / Ipv4{} / Icmp{.type = 3, .code = 1} / quote(syn)) ==
          "IPv4 192.0.2.1 -> 192.0.2.2, ICMP type 3 code 1 quoting (IPv4 10.0.0.2 -> 10.0.0.1, TCP 40000 -> 80), 70 "
          "bytes");
    CHECK(describe(Ethernet{} / Ipv6{} / Ipv6Fragment{.offset_bytes = 16, .more_fragments = false} / Payload{}) ==
          "IPv6 2001:db8::1 -> 2001:db8::2, extension 44 (fragment at 16), 78 bytes");
}

TEST_CASE("a frame cut at any byte is described all the same") {
    const Bytes whole = Ethernet{} / Ipv6{} / Ipv6Extension{} / Icmpv6{.type = 1} / quote(Ethernet{} / Ipv4{} / Tcp{});
    for (size_t bytes = 0; bytes <= whole.size(); ++bytes)
        CHECK_FALSE(describe(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes))).empty());
}
