// SPDX-License-Identifier: Apache-2.0
// Maps of the kernel that somebody has written into by system calls, as bpftool does: each damage is named and mended,
// and packets are judged as before.
#include <bpf/bpf.h>

#include "compile/verify/comparison.h"
#include "kernel/fixture.h"
#include "kernel/maps/map_view.h"

using namespace catflap;
using namespace catflap::test;
using compile::Findings;
using compile::Part;

namespace {

std::string block_policy() {
    return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: block, namespace: shop}\n"
           "spec:\n  podSelector: {matchLabels: {app: web}}\n  ingress:\n  - from: [{ipBlock: {cidr: 192.0.2.0/24, "
           "except: [192.0.2.128/25]}}]\n    ports: [{protocol: TCP, port: 90}]\n";
}

Bytes syn(const std::string& client, uint16_t port, uint16_t client_port = 40000) {
    const Tcp tcp{.source_port = client_port, .destination_port = port, .flags = kSyn};
    return client.find(':') == std::string::npos
               ? Bytes(Ethernet{} / Ipv4{.source = client, .destination = "10.0.0.1"} / tcp)
               : Bytes(Ethernet{} / Ipv6{.source = client, .destination = "fd00::1"} / tcp);
}

struct Site {
    Findings pass(bool mends) {
        kernel::MapView view(shop.lab.datapath().store());
        compile::Comparison comparison(shop.lab.committer(), shop.lab.datapath().store(), view, mends);
        while (!comparison.step({})) {
        }
        return comparison.findings();
    }
    template <class Key, class Value>
    Value read(int fd, const Key& key) {
        Value value{};
        REQUIRE(bpf_map_lookup_elem(fd, &key, &value) == 0);
        return value;
    }
    template <class Key, class Value>
    void write(int fd, const Key& key, const Value& value) {
        REQUIRE(bpf_map_update_elem(fd, &key, &value, BPF_ANY) == 0);
    }
    bool judges_rightly() {
        // Each with ports of its own: what an earlier packet was told is not to answer.
        const auto port = ++last_port;
        return shop.to(syn("10.0.0.2", 80, port)) && shop.to(syn("fd00::2", 80, port)) &&
               !shop.to(syn("10.0.0.3", 80, port)) && !shop.to(syn("fd00::3", 80, port)) &&
               !shop.to(syn("10.0.0.2", 81, port)) && shop.to(syn("192.0.2.1", 90, port)) &&
               !shop.to(syn("192.0.2.129", 90, port));
    }
    void check_named_and_mended(Part part, const std::string& object, uint64_t count = 1) {
        for (const bool mends : {false, true}) {
            CAPTURE(mends);
            const Findings findings = pass(mends);
            CHECK(findings.count() == count);
            REQUIRE_FALSE(findings.differences.empty());
            const compile::Difference& one = findings.differences.front();
            INFO(one.object, ": ", one.expected, " expected, ", one.found, " found ", one.trouble);
            CHECK(one.part == part);
            CHECK(one.object.find(object) != std::string::npos);
            CHECK(one.mended == mends);
            CHECK(findings.of(part).mended == (mends ? count : 0));
        }
        CHECK(pass(false).count() == 0);
        CHECK(judges_rightly());
        shop.enforce(web_policy() + block_policy() + egress_policy());
        CHECK(pass(false).count() == 0);
        CHECK(judges_rightly());
    }
    int fd(kernel::MapName name) { return shop.lab.datapath().map_fd(name); }
    const compile::LoadedEndpoint& web() { return shop.lab.committer().loaded().endpoints.at(1); }
    const compile::Table& table() { return *web().tables[CATFLAP_TO_POD]; }
    uint32_t bucket_of(const Address& address) { return shop.lab.datapath().store().addresses().bucket_of(address); }

    Shop shop{web_policy() + block_policy()};
    uint16_t last_port = 41000;
};

const Address kClient = parse_address("10.0.0.2").value();
const Address kClient6 = parse_address("fd00::2").value();
const Address kStranger = parse_address("10.0.0.3").value();
const Address kStranger6 = parse_address("fd00::3").value();

}  // namespace

TEST_CASE("verify: what was just loaded is equal, and all of it was looked at") {
    Site site;
    REQUIRE(site.judges_rightly());
    const Findings findings = site.pass(true);
    for (const compile::Difference& one : findings.differences)
        FAIL_CHECK(one.object, ": ", one.expected, " expected, ", one.found, " found");
    CHECK(findings.of(Part::addresses).checked == 6);
    CHECK(findings.of(Part::prefixes).checked == site.shop.lab.committer().loaded().prefixes.size());
    CHECK(findings.of(Part::configs).checked == 1);
    CHECK(findings.of(Part::interfaces).checked == 1);
    CHECK(findings.of(Part::local_addresses).checked == 2);
}

TEST_CASE("verify: ipv4_addresses") {
    Site site;
    const int fd = site.fd("ipv4_addresses");
    const uint32_t bucket = site.bucket_of(kClient);
    auto there = site.read<uint32_t, catflap_ipv4_bucket>(fd, bucket);
    SUBCASE("an address deleted") {
        there = {};
        site.write(fd, bucket, there);
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::addresses, "10.0.0.2");
    }
    SUBCASE("an address in another class") {
        const auto stranger = site.shop.lab.committer().loaded().addresses.at(kStranger);
        there.entry[0] = catflap_entry(static_cast<uint32_t>(there.entry[0]), stranger);
        site.write(fd, bucket, there);
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::addresses, "10.0.0.2");
    }
    SUBCASE("a second entry for it, which packets find") {
        there.entry[3] = catflap_entry(static_cast<uint32_t>(there.entry[0]), 0);
        site.write(fd, bucket, there);
        CHECK_FALSE(site.judges_rightly());
        // The first one is the second one now, and goes; the other one gets the class.
        site.check_named_and_mended(Part::addresses, "10.0.0.2", 2);
    }
    SUBCASE("an address of nobody, and one in a bucket that is not its own") {
        const Address nobody = parse_address("10.99.0.1").value();
        const uint32_t its_bucket = site.bucket_of(nobody);
        auto others = site.read<uint32_t, catflap_ipv4_bucket>(fd, its_bucket);
        others.entry[7] = catflap_entry(kernel::kernel_address(nobody).word_be[3], 1);
        site.write(fd, its_bucket, others);
        there.entry[6] = catflap_entry(kernel::kernel_address(nobody).word_be[3], 1);
        site.write(fd, bucket, there);
        site.check_named_and_mended(Part::addresses, "10.99.0.1", 2);
    }
}

TEST_CASE("verify: ipv6_addresses") {
    Site site;
    const int fd = site.fd("ipv6_addresses");
    const uint32_t bucket = site.bucket_of(kClient6);
    auto there = site.read<uint32_t, catflap_ipv6_bucket>(fd, bucket);
    SUBCASE("deleted") {
        there.entry[0] = 0;
        site.write(fd, bucket, there);
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::addresses, "fd00::2");
    }
    SUBCASE("the address beside an entry is another one: that one is nobody's, and ours is missing") {
        there.address[0].word_be[3] ^= 0xff000000;
        site.write(fd, bucket, there);
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::addresses, "fd00::", 2);
    }
}

TEST_CASE("verify: cidrs") {
    Site site;
    const int fd = site.fd("cidrs");
    const auto key = [](const char* text) {
        const Prefix prefix = parse_prefix(text).value().prefix;
        return catflap_cidr_key{prefix.length(), kernel::kernel_address(prefix.address())};
    };
    const catflap_cidr_key except = key("192.0.2.128/25");
    SUBCASE("deleted") {
        REQUIRE(bpf_map_delete_elem(fd, &except) == 0);
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::prefixes, "192.0.2.128/25");
    }
    SUBCASE("changed") {
        site.write(fd, except, site.read<catflap_cidr_key, uint32_t>(fd, key("192.0.2.0/24")));
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::prefixes, "192.0.2.128/25");
    }
    SUBCASE("added, with bits behind its length") {
        catflap_cidr_key added = key("198.51.100.0/24");
        added.address.word_be[3] |= 0x07000000;
        site.write(fd, added, uint32_t{1});
        site.check_named_and_mended(Part::prefixes, "198.51.100.0/24");
    }
}

TEST_CASE("verify: port_pages") {
    Site site;
    struct Ports {
        uint16_t value[CATFLAP_PAGE_U16];
    };
    auto there = site.read<uint32_t, Ports>(site.fd("port_pages"), 0U);
    std::swap(there.value[80], there.value[81]);
    site.write(site.fd("port_pages"), 0U, there);
    CHECK_FALSE(site.judges_rightly());
    site.check_named_and_mended(Part::ports, "TCP port 80", 2);
}

TEST_CASE("verify: table_pages") {
    Site site;
    struct Words {
        uint32_t value[CATFLAP_PAGE_U32];
    };
    const auto damage = [&](uint32_t page, uint32_t bits) {
        auto there = site.read<uint32_t, Words>(site.fd("table_pages"), page);
        for (uint32_t& word : there.value)
            word ^= bits;
        site.write(site.fd("table_pages"), page, there);
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::tables, "ingress table of shop/");
    };
    SUBCASE("rows") {
        damage(site.table().rows_page, 0x00010001);
    }
    SUBCASE("columns") {
        damage(site.table().columns_page, 0x00010001);
    }
    SUBCASE("cells") {
        damage(site.table().cells_page, CATFLAP_CELL_ALLOW);
    }
}

TEST_CASE("verify: endpoint_configs") {
    Site site;
    auto there = site.read<uint32_t, catflap_endpoint_config>(site.fd("endpoint_configs"), site.web().config);
    SUBCASE("everything passes") {
        there.tables[CATFLAP_TO_POD].open = 1;
    }
    SUBCASE("the pod's address") {
        there.address[0].word_be[0] = 1;
    }
    SUBCASE("all of it") {
        there = {};
    }
    site.write(site.fd("endpoint_configs"), site.web().config, there);
    site.check_named_and_mended(Part::configs, "shop/web");
}

TEST_CASE("verify: interfaces") {
    Site site;
    const uint32_t slot = catflap_interface_slot(1, 0);
    SUBCASE("deleted") {
        site.write(site.fd("interfaces"), slot, catflap_interface{});
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::interfaces, "shop/web");
    }
    SUBCASE("another config") {
        site.write(site.fd("interfaces"), slot, catflap_interface{1, site.web().config + 1});
        CHECK_FALSE(site.judges_rightly());
        site.check_named_and_mended(Part::interfaces, "shop/web");
    }
    SUBCASE("an interface of no pod, and a slot for this one behind its own") {
        site.write(site.fd("interfaces"), catflap_interface_slot(77, 0), catflap_interface{77, site.web().config});
        site.write(site.fd("interfaces"), catflap_interface_slot(1, 3), catflap_interface{1, site.web().config});
        site.check_named_and_mended(Part::interfaces, "interface ", 2);
    }
}

TEST_CASE("verify: local_addresses") {
    Site site;
    const int fd = site.fd("local_addresses");
    const catflap_address web = kernel::kernel_address(parse_address("10.0.0.1").value());
    SUBCASE("deleted") {
        REQUIRE(bpf_map_delete_elem(fd, &web) == 0);
        site.check_named_and_mended(Part::local_addresses, "10.0.0.1");
    }
    SUBCASE("another interface") {
        site.write(fd, web, 77U);
        site.check_named_and_mended(Part::local_addresses, "10.0.0.1");
    }
    SUBCASE("added") {
        site.write(fd, kernel::kernel_address(kStranger6), 1U);
        site.check_named_and_mended(Part::local_addresses, "fd00::3");
    }
}

TEST_CASE("verify: the table of a full bucket's addresses is the trie, and an entry in the bucket is one too many") {
    Site site;
    Cluster cluster = cluster_of(shop_pods() + web_policy() + block_policy());
    std::vector<Address> crowd;
    for (uint32_t i = 0; crowd.size() < CATFLAP_BUCKET_SLOTS + 2; ++i) {
        const auto address = parse_address(fmt::format("10.{}.{}.{}", 100 + (i >> 16), i >> 8 & 255, i & 255)).value();
        if (crowd.empty() || site.bucket_of(address) == site.bucket_of(crowd.front()))
            crowd.push_back(address);
    }
    for (size_t i = 0; i < crowd.size(); ++i) {
        Pod pod = cluster.pods.at({"shop", "client"});
        pod.name = {"shop", fmt::format("crowd{}", i)};
        pod.addresses = {crowd[i]};
        cluster.pods[pod.name] = pod;
    }
    site.shop.lab.enforce(cluster, {kWeb});
    CHECK(site.pass(true).count() == 0);
    const auto& in_trie = site.shop.lab.datapath().store().cidrs().pods();
    REQUIRE(in_trie.size() == 2);
    const catflap_cidr_key key{128, kernel::kernel_address(*in_trie.begin())};
    SUBCASE("deleted from the trie") {
        REQUIRE(bpf_map_delete_elem(site.fd("cidrs"), &key) == 0);
        const Findings findings = site.pass(true);
        REQUIRE(findings.differences.size() == 1);
        CHECK(findings.differences[0].object == to_string(Prefix::host(*in_trie.begin())));
    }
    SUBCASE("one of the bucket replaced by one of the trie: that one goes, and the other one comes back") {
        const uint32_t bucket = site.bucket_of(crowd.front());
        auto there = site.read<uint32_t, catflap_ipv4_bucket>(site.fd("ipv4_addresses"), bucket);
        there.entry[2] = catflap_entry(key.address.word_be[3], 0);
        site.write(site.fd("ipv4_addresses"), bucket, there);
        CHECK(site.pass(true).count() == 2);
    }
    CHECK(site.pass(false).count() == 0);
    CHECK(site.shop.to(syn(to_string(*in_trie.begin()), 80)));
}
