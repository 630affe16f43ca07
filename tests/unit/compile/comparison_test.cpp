// SPDX-License-Identifier: Apache-2.0
// What the store holds against what was loaded: every kind of damage is named and mended.
#include "compile/verify/comparison.h"

#include <doctest/doctest.h>

#include "support/executors/simulated_view.h"
#include "support/executors/tables_executor.h"

using namespace catflap;
using namespace catflap::test;
using compile::Comparison;
using compile::Findings;
using compile::Part;

namespace {

const ObjectName kWeb = {"shop", "web"};
const Address kClient = parse_address("10.0.9.1").value();

// Web is of this node, and admits app=client at TCP 80, and the block 192.0.2.0/24 without 192.0.2.128/25.
class Site {
  public:
    Site() {
        add_pod(kWeb, kLocalNode, "10.0.0.1");
        add_pod({"shop", "client"}, "far", "10.0.9.1").labels.set("app", "client");
        Policy& policy = cluster.policies[kWeb];
        policy.name = kWeb;
        policy.isolates_ingress = true;
        PolicyRule& rule = policy.ingress.emplace_back();
        rule.peers.emplace_back().pods = Selector{{{"app", LabelRequirement::Operator::in, {"client"}}}};
        rule.peers.emplace_back().ip_block =
            IpBlock{parse_prefix("192.0.2.0/24").value().prefix, {parse_prefix("192.0.2.128/25").value().prefix}};
        PolicyPort port;
        port.port = uint16_t{80};
        rule.ports.push_back(port);
        load();
    }
    Pod& add_pod(const ObjectName& name, const std::string& on, const char* address) {
        Pod& pod = cluster.pods[name];
        pod.name = name;
        pod.node = on;
        pod.addresses = {parse_address(address).value()};
        return pod;
    }
    void load() {
        REQUIRE(node.load(cluster));
        view.locals.clear();
        for (const auto& [ifindex, endpoint] : loaded().endpoints)
            for (const Address& address : endpoint.spec.addresses)
                if (endpoint.config != 0 && !address.is_unset())
                    view.locals[address] = ifindex;
    }
    Findings pass(bool mends) {
        Comparison comparison(node.committer(), node.store(), view, mends);
        while (!comparison.step(Comparison::Clock::now() + std::chrono::milliseconds(1))) {
        }
        return comparison.findings();
    }
    [[nodiscard]] const compile::Loaded& loaded() { return node.committer().loaded(); }
    [[nodiscard]] const compile::LoadedEndpoint& web() { return loaded().endpoints.begin()->second; }
    [[nodiscard]] bool admits(const Address& remote, uint16_t port = 80) {
        const auto verdict = node.judge({kWeb, oracle::Direction::ingress, remote, 6, port});
        return verdict && verdict->kind == Verdict::Kind::allow;
    }
    // One difference, of this part and object; it stays without --repair, and goes with it. renewed: so does the
    // generation, for what was judged by it.
    void check_named_and_mended(Part part, const std::string& object, const std::string& found, bool renewed = true) {
        for (const bool mends : {false, true}) {
            const uint32_t generation = web().generation;
            const Findings findings = pass(mends);
            CAPTURE(mends);
            REQUIRE(findings.differences.size() == 1);
            const compile::Difference& one = findings.differences[0];
            CHECK(one.part == part);
            CHECK_MESSAGE(one.object.find(object) != std::string::npos, one.object);
            CHECK_MESSAGE(one.found.find(found) != std::string::npos, one.found);
            CHECK_MESSAGE(one.mended == mends, one.trouble);
            CHECK(findings.of(part).differences == 1);
            CHECK(findings.of(part).mended == (mends ? 1 : 0));
            CHECK((web().generation != generation) == (mends && renewed));
        }
        CHECK(pass(false).count() == 0);
        CHECK(node.store().violations().empty());
        CHECK(admits(kClient));
        CHECK_FALSE(admits(kClient, 81));
        CHECK_FALSE(admits(parse_address("192.0.2.200").value()));
        // And the next commit goes on from it.
        add_pod({"shop", "late"}, "far", "10.0.9.9").labels.set("app", "client");
        load();
        CHECK(admits(parse_address("10.0.9.9").value()));
        CHECK(pass(false).count() == 0);
    }

    Cluster cluster;
    SimulatedNode node;
    SimulatedView view{node.store()};
};

}  // namespace

TEST_CASE("nothing differs from what was loaded, and everything was looked at") {
    Site site;
    const Findings findings = site.pass(true);
    CHECK(findings.over);
    CHECK_MESSAGE(findings.count() == 0, findings.differences.front().object);
    CHECK(findings.of(Part::addresses).checked == 2);
    CHECK(findings.of(Part::prefixes).checked == site.loaded().prefixes.size());
    CHECK(findings.of(Part::ports).checked == 3 * 65536);
    CHECK(findings.of(Part::tables).checked == 1);
    CHECK(findings.of(Part::configs).checked == 1);
    CHECK(findings.of(Part::interfaces).checked == 1);
    CHECK(findings.of(Part::local_addresses).checked == 1);
}

TEST_CASE("addresses") {
    Site site;
    SUBCASE("deleted") {
        site.view.addresses().erase(kClient);
        CHECK_FALSE(site.admits(kClient));
        site.check_named_and_mended(Part::addresses, "10.0.9.1", "no entry");
    }
    SUBCASE("changed") {
        site.view.addresses()[kClient] = 0;
        site.check_named_and_mended(Part::addresses, "10.0.9.1", "class 0");
    }
    SUBCASE("added") {
        site.view.addresses()[parse_address("10.6.6.6").value()] = site.view.addresses()[kClient];
        CHECK(site.admits(parse_address("10.6.6.6").value()));
        site.check_named_and_mended(Part::addresses, "10.6.6.6", "class");
        CHECK_FALSE(site.admits(parse_address("10.6.6.6").value()));
    }
}

TEST_CASE("prefixes") {
    Site site;
    const Prefix block = parse_prefix("192.0.2.128/25").value().prefix;
    SUBCASE("deleted") {
        site.view.prefixes().erase(block);
        CHECK(site.admits(parse_address("192.0.2.200").value()));
        site.check_named_and_mended(Part::prefixes, "192.0.2.128/25", "no entry");
    }
    SUBCASE("changed") {
        site.view.prefixes()[block] = site.view.prefixes()[parse_prefix("192.0.2.0/24").value().prefix];
        site.check_named_and_mended(Part::prefixes, "192.0.2.128/25", "class");
    }
    SUBCASE("added") {
        site.view.prefixes()[parse_prefix("0.0.0.0/0").value().prefix] = site.view.addresses()[kClient];
        site.check_named_and_mended(Part::prefixes, "0.0.0.0/0", "class");
    }
    SUBCASE("deleted, and commits do not stop: nothing is taken for missing that is not") {
        site.view.prefixes().erase(block);
        Comparison comparison(site.node.committer(), site.node.store(), site.view, true);
        while (!comparison.step({}))
            ++site.view.writes;
        CHECK(comparison.findings().count() == 0);
        CHECK_FALSE(comparison.findings().of(Part::prefixes).unread.empty());
    }
}

TEST_CASE("ports, in runs") {
    Site site;
    for (uint32_t port = 80; port < 90; ++port)
        site.view.ports_of(0)[port] = port == 80 ? 0 : site.loaded().ports[0][80];
    for (const bool mends : {false, true}) {
        const Findings findings = site.pass(mends);
        REQUIRE(findings.differences.size() == 2);
        CHECK(findings.differences[0].object == "TCP port 80");
        CHECK(findings.differences[1].object == "TCP ports 81 to 89");
    }
    CHECK(site.pass(false).count() == 0);
    CHECK_FALSE(site.admits(kClient, 81));
}

TEST_CASE("tables are loaded anew under other numbers, and packets see the old or the new one") {
    Site site;
    const compile::TablePointer table = site.web().tables[CATFLAP_TO_POD];
    const auto damage = [&](uint32_t page) {
        for (uint32_t i = 0; i < 4; ++i)
            site.view.word(page, i) ^= 1;
    };
    SUBCASE("rows") {
        damage(table->rows_page);
    }
    SUBCASE("columns") {
        damage(table->columns_page);
    }
    SUBCASE("cells") {
        const auto cells = static_cast<uint32_t>(table->cells.size());
        for (uint32_t i = 0; i < cells; ++i)
            site.view.word(table->cells_page, i) |= CATFLAP_CELL_ALLOW;
        CHECK(site.admits(parse_address("10.6.6.6").value()));
    }
    site.check_named_and_mended(Part::tables, "ingress table of shop/web", "differ)");
    CHECK(site.web().tables[CATFLAP_TO_POD]->rows_page != table->rows_page);
}

TEST_CASE("configs") {
    Site site;
    const uint32_t number = site.web().config;
    SUBCASE("open") {
        site.view.config_at(number).tables[CATFLAP_TO_POD].open = 1;
        CHECK(site.admits(kClient, 81));
        site.check_named_and_mended(Part::configs, "shop/web", "open");
    }
    SUBCASE("another address") {
        site.view.config_at(number).address[0].word_be[3] ^= 0x01000000;
        site.check_named_and_mended(Part::configs, "shop/web", "address 10.0.0.0");
    }
    CHECK(site.web().config != number);
}

TEST_CASE("interfaces") {
    Site site;
    const uint32_t ifindex = site.web().spec.ifindex;
    SUBCASE("closed") {
        site.view.interfaces().erase(ifindex);
        site.check_named_and_mended(Part::interfaces, "shop/web", "no entry");
    }
    SUBCASE("another pod's config") {
        site.view.interfaces()[ifindex] = site.web().config + 1;
        site.check_named_and_mended(Part::interfaces, "shop/web", fmt::format("config {}", site.web().config + 1));
    }
    SUBCASE("one that is no pod's") {
        site.view.interfaces()[4711] = site.web().config;
        site.check_named_and_mended(Part::interfaces, "interface 4711", "config", false);
    }
    SUBCASE("withdrawn, since another interface has its index: that is as it should be, and nothing publishes it") {
        REQUIRE(site.node.committer().withdraw_if_another(ifindex, "another"));
        CHECK(site.pass(true).count() == 1);  // the hint, which goes with the interface
        CHECK_FALSE(site.admits(kClient));
        CHECK(site.pass(true).count() == 0);
    }
}

TEST_CASE("hints of local addresses, by which nothing is judged") {
    Site site;
    const Address web = site.web().spec.addresses[0];
    SUBCASE("deleted") {
        site.view.locals.erase(web);
        site.check_named_and_mended(Part::local_addresses, "10.0.0.1", "no entry", false);
    }
    SUBCASE("another interface") {
        site.view.locals[web] = 4711;
        site.check_named_and_mended(Part::local_addresses, "10.0.0.1", "interface 4711", false);
    }
    SUBCASE("added") {
        site.view.locals[kClient] = 4711;
        site.check_named_and_mended(Part::local_addresses, "10.0.9.1", "interface 4711", false);
    }
}

TEST_CASE("what cannot be read is said") {
    Site site;
    site.view.unreadable = "no permission";
    const Findings findings = site.pass(true);
    CHECK(findings.over);
    CHECK(findings.count() == 0);
    CHECK(findings.of(Part::prefixes).unread == "no permission");
}

TEST_CASE("of very many differences the first are told, and all are counted and mended") {
    Site site;
    for (uint32_t i = 0; i < 5000; ++i) {
        Address address = kClient;
        address.bytes[13] = 200;
        address.bytes[14] = static_cast<uint8_t>(i >> 8);
        address.bytes[15] = static_cast<uint8_t>(i);
        site.view.prefixes()[Prefix::host(address)] = 1;
    }
    const Findings findings = site.pass(true);
    CHECK(findings.differences.size() == Findings::kMost);
    CHECK(findings.of(Part::prefixes).differences == 5000);
    CHECK(findings.of(Part::prefixes).mended == 5000);
    CHECK(site.pass(false).count() == 0);
}
