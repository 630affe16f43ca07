// SPDX-License-Identifier: Apache-2.0
// Every way in which a packet is dropped for what it is, not for what a policy says: one test for each reason.
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const Ipv4 kFromWeb{.source = "10.0.0.1", .destination = "10.0.0.2"};
const Ipv6 kFromWeb6{.source = "fd00::1", .destination = "fd00::2"};

}  // namespace

// BPF_PROG_TEST_RUN refuses frames that end inside the IP header: those go over a veth, in the next test.
TEST_CASE("a packet cut anywhere behind its IP header is dropped, whole it passes") {
    Shop shop("");
    const auto cut = [](const Bytes& whole, size_t bytes) {
        return Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    };
    const Bytes whole = Ethernet{} / kFromWeb / Tcp{};
    CHECK(shop.from(whole));
    for (size_t bytes = 14 + 20; bytes < whole.size(); ++bytes)
        check_dropped(shop, Hook::from_pod, cut(whole, bytes), CATFLAP_REASON_TRUNCATED);
    const Bytes whole6 = Ethernet{} / kFromWeb6 / Ipv6Extension{} / Udp{};
    CHECK(shop.from(whole6));
    for (size_t bytes = 14 + 40; bytes < whole6.size(); ++bytes)
        check_dropped(shop, Hook::from_pod, cut(whole6, bytes), CATFLAP_REASON_TRUNCATED);
}

TEST_CASE("a packet cut inside its IP header is dropped") {
    Shop shop("");
    for (const Bytes& whole : {Bytes(Ethernet{} / kFromWeb / Tcp{}), Bytes(Ethernet{} / kFromWeb6 / Udp{})}) {
        const size_t header_bytes = whole[12] == 0x08 ? 20 : 40;
        for (size_t bytes = 15; bytes < 14 + header_bytes; ++bytes) {
            const uint64_t before = shop.lab.drops(CATFLAP_REASON_TRUNCATED);
            shop.lab.send_to_interface_2(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes)));
            CHECK(shop.lab.drops(CATFLAP_REASON_TRUNCATED) == before + 1);
        }
    }
}

TEST_CASE("headers that contradict themselves are dropped") {
    Shop shop("");
    Ipv4 wrong = kFromWeb;
    SUBCASE("version") {
        wrong.version = 5;
    }
    SUBCASE("header length below 5 words") {
        wrong.header_words = 4;
    }
    SUBCASE("total length below the header's") {
        wrong.total_bytes = 19;
    }
    check_dropped(shop, Hook::from_pod, Ethernet{} / wrong / Tcp{}, CATFLAP_REASON_MALFORMED);
}

TEST_CASE("a TCP header shorter than itself, ICMP of the other family, mapped addresses on the wire: malformed") {
    Shop shop("");
    check_dropped(shop, Hook::from_pod, Ethernet{} / kFromWeb / Tcp{.header_words = 4}, CATFLAP_REASON_MALFORMED);
    check_dropped(shop, Hook::from_pod, Ethernet{} / kFromWeb / Icmpv6{}, CATFLAP_REASON_MALFORMED);
    check_dropped(shop, Hook::from_pod, Ethernet{} / kFromWeb6 / Icmp{}, CATFLAP_REASON_MALFORMED);
    check_dropped(shop, Hook::from_pod,
                  Ethernet{} / Ipv6{.source = "::ffff:10.0.0.1", .destination = "fd00::2"} / Tcp{},
                  CATFLAP_REASON_MALFORMED);
}

TEST_CASE("IPv4 options are skipped, not taken for ports") {
    Shop shop;
    Ipv4 to_web{.source = "10.0.0.2", .destination = "10.0.0.1", .options = Bytes(40, 1)};
    CHECK(shop.to(Ethernet{} / to_web / Tcp{.destination_port = 80}));
    check_dropped(shop, Hook::to_pod, Ethernet{} / to_web / Tcp{.destination_port = 81}, CATFLAP_REASON_POLICY);
}

TEST_CASE("IPv6 extension headers are followed to the ports, within bounds") {
    Shop shop;
    const Ipv6 to_web{.source = "fd00::2", .destination = "fd00::1"};
    for (const uint8_t type : std::initializer_list<uint8_t>{0, 60, 51, 43}) {
        const Ipv6Extension extension{.type = type, .bytes = 16};
        CHECK(shop.to(Ethernet{} / to_web / extension / Tcp{.destination_port = 80}));
        check_dropped(shop, Hook::to_pod, Ethernet{} / to_web / extension / Tcp{.destination_port = 81},
                      CATFLAP_REASON_POLICY);
    }
    CHECK(shop.to(Ethernet{} / to_web / Ipv6Extension{.bytes = 2048} / Tcp{.destination_port = 80}));
    Packet deep = Ethernet{} / to_web;
    for (int i = 0; i < 8; ++i)
        deep = deep / Ipv6Extension{};
    check_dropped(shop, Hook::to_pod, deep / Tcp{.destination_port = 80}, CATFLAP_REASON_EXTENSION_HEADERS);
    check_dropped(
        shop, Hook::to_pod,
        Ethernet{} / to_web / Ipv6Extension{.type = 43, .bytes = 24, .segments_left = 1} / Tcp{.destination_port = 80},
        CATFLAP_REASON_EXTENSION_HEADERS);
}

TEST_CASE("what is neither IP nor ARP is dropped, ARP passes") {
    Shop shop;
    check_dropped(shop, Hook::from_pod, Ethernet{.ethertype = 0x8847} / Payload{}, CATFLAP_REASON_ETHERTYPE);
    check_dropped(shop, Hook::from_pod, Ethernet{.ethertype = 0x88e5} / Payload{}, CATFLAP_REASON_ETHERTYPE);
    CHECK(shop.from(Ethernet{.ethertype = 0x0806} / Payload{Bytes(28)}));
    CHECK(shop.to(Ethernet{.ethertype = 0x0806} / Payload{Bytes(28)}));
}

TEST_CASE("a pod sends from its own addresses only") {
    Shop shop("");
    check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv4{.source = "10.0.0.3", .destination = "10.0.0.2"} / Tcp{},
                  CATFLAP_REASON_SPOOFED_SOURCE);
    check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv6{.source = "fd00::3", .destination = "fd00::2"} / Udp{},
                  CATFLAP_REASON_SPOOFED_SOURCE);
    check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv6{.source = "::", .destination = "fd00::2"} / Udp{},
                  CATFLAP_REASON_SPOOFED_SOURCE);
    check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv4{.source = "0.0.0.0", .destination = "10.0.0.2"} / Udp{},
                  CATFLAP_REASON_SPOOFED_SOURCE);
}

TEST_CASE("a pod without an IPv6 address sends no IPv6") {
    Shop shop("");
    Cluster cluster = cluster_of(shop_pods());
    cluster.pods[kWeb].addresses.pop_back();
    shop.lab.enforce(cluster, {kWeb});
    check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv6{.source = "::", .destination = "fd00::2"} / Udp{},
                  CATFLAP_REASON_SPOOFED_SOURCE);
    check_dropped(shop, Hook::from_pod, Ethernet{} / kFromWeb6 / Udp{}, CATFLAP_REASON_SPOOFED_SOURCE);
}

TEST_CASE("a pod does not hide packets in packets") {
    Shop shop("");
    for (const uint8_t tunnel : std::initializer_list<uint8_t>{4, 41, 47, 97, 137}) {
        check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv4{.source = "10.0.0.1", .protocol = tunnel} / Payload{},
                      CATFLAP_REASON_ENCAPSULATION);
        check_dropped(shop, Hook::from_pod, Ethernet{} / Ipv6{.source = "fd00::1", .next_header = tunnel} / Payload{},
                      CATFLAP_REASON_ENCAPSULATION);
    }
    for (const uint16_t tunnel : std::initializer_list<uint16_t>{4789, 8472, 6081})
        check_dropped(shop, Hook::from_pod, Ethernet{} / kFromWeb / Udp{.destination_port = tunnel},
                      CATFLAP_REASON_ENCAPSULATION);
}

TEST_CASE("neighbour discovery and listener reports pass an unknown veth, nothing else does") {
    Shop shop;
    const Ipv6 local{.source = "fe80::1", .destination = "ff02::1:ff00:1", .hop_limit = 255};
    const SkbFields unknown{.ifindex = 2};
    CHECK(shop.lab.run(Hook::from_pod, Ethernet{} / local / Icmpv6{.type = 135}, unknown));
    CHECK(shop.lab.run(Hook::to_pod, Ethernet{} / local / Icmpv6{.type = 136}, {.ifindex = 2, .ingress_ifindex = 0}));
    CHECK_FALSE(shop.lab.run(Hook::to_pod, Ethernet{} / local / Icmpv6{.type = 136}, unknown));  // from another link
    Ipv6 report = local;
    report.hop_limit = 1;
    CHECK(shop.lab.run(Hook::from_pod, Ethernet{} / report / Icmpv6{.type = 143}, unknown));
    Ipv6 forwarded = local;
    forwarded.hop_limit = 254;
    for (const Packet& packet : {Ethernet{} / forwarded / Icmpv6{.type = 135}, tcp_from_web(kSyn)}) {
        const uint64_t before = shop.lab.drops(CATFLAP_REASON_UNKNOWN_ENDPOINT);
        CHECK_FALSE(shop.lab.run(Hook::from_pod, packet, unknown));
        CHECK(shop.lab.drops(CATFLAP_REASON_UNKNOWN_ENDPOINT) == before + 1);
    }
}

TEST_CASE("link maintenance stays on the link: it carries nothing past a policy") {
    Shop shop(egress_policy());
    const auto discovery = [](const std::string& destination, uint8_t type) {
        return Ethernet{} / Ipv6{.source = "fd00::1", .destination = destination, .hop_limit = 255} /
               Icmpv6{.type = type};
    };
    CHECK(shop.from(discovery("fe80::1", 135)));
    check_dropped(shop, Hook::from_pod, discovery("fd00::3", 135), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, discovery("ff02::1", 134), CATFLAP_REASON_POLICY);  // a router it is not
    check_dropped(shop, Hook::from_pod, discovery("ff02::1", 137), CATFLAP_REASON_POLICY);
    Shop isolated(web_policy());
    const Packet report = Ethernet{} / Ipv6{.source = "fd00::3", .destination = "fd00::1", .hop_limit = 1} /
                          Icmpv6{.type = 143} / Payload{};
    check_dropped(isolated, Hook::to_pod, report, CATFLAP_REASON_POLICY);
}

TEST_CASE("a source route hides the destination, and is dropped") {
    Shop shop("");
    for (const uint8_t option : std::initializer_list<uint8_t>{131, 137}) {
        const Ipv4 routed{.source = "10.0.0.1", .destination = "10.0.0.2", .options = {1, option, 7, 4, 10, 0, 0, 3}};
        check_dropped(shop, Hook::from_pod, Ethernet{} / routed / Tcp{}, CATFLAP_REASON_MALFORMED);
    }
}

TEST_CASE("an IPv6 fragment without an ingress interface may be a forwarded one: it is judged") {
    Shop shop;
    const Packet first = Ethernet{} / Ipv6{.source = "fd00::3", .destination = "fd00::1"} / Ipv6Fragment{} /
                         Udp{.destination_port = 99} / Payload{};
    CHECK_FALSE(shop.by_host(first));
    CHECK(shop.by_host(Ethernet{} / Ipv6{.source = "fd00::3", .destination = "fd00::1"} / Udp{.destination_port = 99}));
}

TEST_CASE("an open pod's fragments pass in any order") {
    Shop shop("");
    CHECK(shop.to(
        Ethernet{} /
        Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1", .protocol = 17, .id = 3, .fragment_offset_bytes = 800} /
        Payload{}));
}

TEST_CASE("later fragments share the verdict of their first one") {
    Shop shop;
    const auto fragment = [](const std::string& source, uint16_t offset, uint16_t port, uint16_t id) {
        return Ethernet{} /
               Ipv4{.source = source,
                    .destination = "10.0.0.1",
                    .protocol = 6,
                    .id = id,
                    .fragment_offset_bytes = offset,
                    .more_fragments = offset == 0} /
               Tcp{.destination_port = port, .flags = kAck} / Payload{};
    };
    CHECK(shop.to(tcp_to_web(kSyn)));
    CHECK(shop.to(fragment("10.0.0.2", 0, 80, 7)));
    CHECK(shop.to(fragment("10.0.0.2", 40, 9999, 7)));  // these bytes are data, not ports
    check_dropped(shop, Hook::to_pod, fragment("10.0.0.3", 0, 80, 8), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::to_pod, fragment("10.0.0.3", 40, 80, 8), CATFLAP_REASON_FRAGMENT);
    check_dropped(shop, Hook::to_pod, fragment("10.0.0.2", 40, 80, 9), CATFLAP_REASON_FRAGMENT);
    check_dropped(shop, Hook::to_pod, fragment("10.0.0.2", 8, 80, 7), CATFLAP_REASON_FRAGMENT_OVERLAP);
    check_dropped(shop, Hook::to_pod,
                  Ethernet{} /
                      Ipv4{.source = "10.0.0.2", .destination = "10.0.0.1", .protocol = 6, .more_fragments = true} /
                      Payload{Bytes(8)},
                  CATFLAP_REASON_FRAGMENT_OVERLAP);
}

TEST_CASE("IPv6 fragments likewise") {
    Shop shop;
    const Ipv6 to_web{.source = "fd00::2", .destination = "fd00::1"};
    const Ipv6Fragment later{.offset_bytes = 40, .more_fragments = false, .next_header = 6};
    CHECK(shop.to(Ethernet{} / to_web / Ipv6Fragment{} / Tcp{} / Payload{}));
    CHECK(shop.to(Ethernet{} / to_web / later / Payload{}));
    Ipv6Fragment unknown = later;
    unknown.id = 2;
    check_dropped(shop, Hook::to_pod, Ethernet{} / to_web / unknown / Payload{}, CATFLAP_REASON_FRAGMENT);
    CHECK(shop.to(Ethernet{} / to_web / Ipv6Fragment{.more_fragments = false, .id = 3} / Tcp{}));  // RFC 6946
}

TEST_CASE("a fragmented datagram from the pod is judged by its ports, in both families") {
    Shop shop(egress_policy());
    const auto fragment = [](uint16_t offset, uint16_t port, uint16_t id) {
        return Ethernet{} /
               Ipv4{.source = "10.0.0.1",
                    .destination = "10.0.0.2",
                    .protocol = 17,
                    .id = id,
                    .fragment_offset_bytes = offset,
                    .more_fragments = offset == 0} /
               Udp{.destination_port = port} / Payload{};
    };
    CHECK(shop.from(fragment(0, 53, 7)));
    CHECK(shop.from(fragment(24, 9999, 7)));
    check_dropped(shop, Hook::from_pod, fragment(0, 54, 8), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, fragment(24, 53, 8), CATFLAP_REASON_FRAGMENT);
    const auto fragment6 = [](uint16_t offset, uint16_t port, uint32_t id) {
        return Ethernet{} / Ipv6{.source = "fd00::1", .destination = "fd00::2"} /
               Ipv6Fragment{.offset_bytes = offset, .more_fragments = offset == 0, .id = id, .next_header = 17} /
               Udp{.destination_port = port} / Payload{};
    };
    CHECK(shop.from(fragment6(0, 53, 7)));
    CHECK(shop.from(fragment6(24, 9999, 7)));
    check_dropped(shop, Hook::from_pod, fragment6(0, 54, 8), CATFLAP_REASON_POLICY);
    check_dropped(shop, Hook::from_pod, fragment6(24, 53, 8), CATFLAP_REASON_FRAGMENT);
}

TEST_CASE("an IPv6 datagram whose first fragment does not hold its header is refused") {
    Shop shop;
    const Ipv6 to_web{.source = "fd00::2", .destination = "fd00::1"};
    check_dropped(shop, Hook::to_pod, Ethernet{} / to_web / Ipv6Fragment{.next_header = 6} / Payload{Bytes(8)},
                  CATFLAP_REASON_FRAGMENT_OVERLAP);
    CHECK(shop.to(Ethernet{} / to_web / Ipv6Fragment{.id = 4} / Tcp{} / Payload{}));
    check_dropped(shop, Hook::to_pod,
                  Ethernet{} / to_web / Ipv6Fragment{.offset_bytes = 8, .id = 4, .next_header = 6} / Payload{},
                  CATFLAP_REASON_FRAGMENT_OVERLAP);
}

// RFC 8200, 4.5: every fragment names the first header of the divided part, and later ones begin behind all headers.
TEST_CASE("headers behind the IPv6 fragment header belong to the datagram's first fragment") {
    Shop shop;
    const Ipv6 to_web{.source = "fd00::2", .destination = "fd00::1"};
    const auto later = [](uint16_t offset) {
        return Ipv6Fragment{.offset_bytes = offset, .more_fragments = false, .next_header = 60};
    };
    CHECK(shop.to(Ethernet{} / to_web / Ipv6Fragment{} / Ipv6Extension{.bytes = 16} / Tcp{} / Payload{}));
    CHECK(shop.to(Ethernet{} / to_web / later(40) / Payload{}));
    // 16 bytes of options and 20 of TCP are what the datagram was judged by.
    check_dropped(shop, Hook::to_pod, Ethernet{} / to_web / later(32) / Payload{}, CATFLAP_REASON_FRAGMENT_OVERLAP);
    check_dropped(shop, Hook::to_pod, Ethernet{} / to_web / later(8) / Payload{}, CATFLAP_REASON_FRAGMENT_OVERLAP);
}

// No commit leaves tables so: here one is broken on purpose, each way that the datapath could run out of them.
TEST_CASE("tables that contradict each other let nothing through") {
    Shop shop;
    const auto& endpoint = shop.lab.committer().loaded().endpoints.begin()->second;
    const Packet allowed = tcp_to_web(kSyn);
    CHECK(shop.to(allowed));
    const auto break_table = [&](auto field, uint32_t value) {
        catflap_endpoint_config config = compile::make_config(endpoint);
        config.tables[CATFLAP_TO_POD].*field = value;
        REQUIRE(shop.lab.datapath().store().write_config(endpoint.config, config));
        check_dropped(shop, Hook::to_pod, allowed, CATFLAP_REASON_STATE);
    };
    break_table(&catflap_table::class_count, 1);
    break_table(&catflap_table::port_class_count, 1);
    break_table(&catflap_table::cell_count, 1);
    break_table(&catflap_table::rows_page, CATFLAP_TABLE_PAGES);
    break_table(&catflap_table::columns_page, CATFLAP_TABLE_PAGES);
    break_table(&catflap_table::cells_page, CATFLAP_TABLE_PAGES);
    REQUIRE(shop.lab.datapath().store().write_config(endpoint.config, compile::make_config(endpoint)));
    CHECK(shop.to(allowed));
}

TEST_CASE("GSO packets count as what goes over the wire") {
    Shop shop;
    const Bytes frame = tcp_to_web(kSyn) / Payload{Bytes(3000)};
    CHECK(shop.lab.run(Hook::to_pod, frame, {.gso_segments = 3, .gso_size = 1448}));
    CHECK(shop.lab.counts().to_pod.allowed.packets == 3);
    CHECK(shop.lab.counts().to_pod.allowed.bytes == 3040);
}

TEST_CASE("audit mode counts every drop and drops nothing") {
    Shop shop(web_policy(), {.audit = true});
    CHECK(shop.to(tcp_to_web(kSyn, "10.0.0.3")));
    CHECK(shop.lab.drops(CATFLAP_REASON_POLICY) == 1);
    CHECK(shop.lab.counts().to_pod.dropped.packets == 1);
    CHECK(shop.lab.datapath().health()->audit_passes == 1);
}
