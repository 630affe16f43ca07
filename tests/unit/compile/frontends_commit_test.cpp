// SPDX-License-Identifier: Apache-2.0
// Services whose backends come, go and change under egress policies: a commit that goes on from the one before judges
// as a start from nothing would, and a rolling restart never begins anew.
#include <doctest/doctest.h>

#include <random>

#include "resolve/departed.h"
#include "support/executors/tables_executor.h"

using namespace catflap;
using namespace catflap::test;

namespace {

Address address(const std::string& text) {
    return parse_address(text).value();
}

constexpr int kBackends = 8;
constexpr int kServices = 3;

// Pods 0 to 7 elsewhere, of the app a, b or c; three Services that lead to some of them; two pods here.
class Shop {
  public:
    explicit Shop(uint64_t seed) : random_(seed) {
        cluster.namespaces["shop"] = {"shop", {}};
        cluster.nodes[kLocalNode] = {kLocalNode, {address("10.8.0.1")}};
        for (int i = 0; i < kBackends; ++i)
            start(i);
        for (int i = 0; i < kServices; ++i) {
            const ObjectName name{"shop", fmt::format("service{}", i)};
            Service& service = cluster.services[name];
            service.name = name;
            service.addresses = {address(fmt::format("10.96.0.{}", i + 1))};
            service.ports = {{"web", Protocol::tcp, 80, 0}, {"dns", Protocol::udp, 53, 0}};
            EndpointSlice slice{name, name.name, {}, {{"web", Protocol::tcp, 8080}, {"dns", Protocol::udp, 53}}};
            cluster.slices[name] = slice;
            for (int backend = i; backend < i + 4; ++backend)
                toggle(i, backend);
        }
        for (const char* name : {"here0", "here1"}) {
            Pod& pod = cluster.pods[{"shop", name}];
            pod.name = {"shop", name};
            pod.node = kLocalNode;
            pod.addresses = {address(name[4] == '0' ? "10.9.0.1" : "10.9.0.2")};
            pod.labels = {{"app", name}};
        }
        policy("here0", {"a"}, 0);
        policy("here1", {"a", "b"}, 8080);
    }

    void mutate() {
        const int backend = pick(kBackends);
        switch (pick(8)) {
            case 0:
            case 1:  // as a rolling restart does: gone, and there again under another address
                cluster.pods.erase(name_of(backend));
                break;
            case 2:
                start(backend);
                break;
            case 3:
                if (const auto pod = cluster.pods.find(name_of(backend)); pod != cluster.pods.end())
                    pod->second.labels.set("app", app());
                break;
            case 4:
            case 5:
                toggle(pick(kServices), backend);
                break;
            case 6:
                follow(pick(kServices));
                break;
            default:
                policy(pick(2) ? "here0" : "here1", {app()}, pick(2) ? 8080 : 0);
        }
    }
    int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

    Cluster cluster;

  private:
    static ObjectName name_of(int backend) { return {"shop", fmt::format("pod{}", backend)}; }
    std::string app() { return std::string(1, static_cast<char>('a' + pick(3))); }

    void start(int backend) {
        Pod& pod = cluster.pods[name_of(backend)];
        pod.name = name_of(backend);
        pod.node = "elsewhere";
        pod.addresses = {address(fmt::format("10.9.1.{}", backend * 20 + pick(3)))};
        pod.labels = {{"app", app()}};
    }
    EndpointSlice& slice(int service) { return cluster.slices[{"shop", fmt::format("service{}", service)}]; }
    // Its address of now, or the one that it may have had, comes into the slice or goes.
    void toggle(int service, int backend) {
        const auto pod = cluster.pods.find(name_of(backend));
        const Address where =
            pod != cluster.pods.end() ? pod->second.addresses.front() : address(fmt::format("10.9.1.{}", backend * 20));
        auto& endpoints = slice(service).endpoints;
        if (std::erase_if(endpoints, [&](const auto& one) { return one.addresses.front() == where; }) == 0)
            endpoints.push_back({{where}, "elsewhere"});
    }
    // What a controller does some time after the pods.
    void follow(int service) {
        auto& endpoints = slice(service).endpoints;
        endpoints.clear();
        for (int backend = service; backend < service + 4; ++backend)
            if (const auto pod = cluster.pods.find(name_of(backend)); pod != cluster.pods.end())
                endpoints.push_back({{pod->second.addresses.front()}, "elsewhere"});
    }
    void policy(const std::string& of, const std::vector<std::string>& apps, uint16_t port) {
        PolicyRule rule;
        rule.peers = {{Selector{{{"app", LabelRequirement::Operator::in, apps}}}, {}, {}}};
        if (port != 0) {
            PolicyPort only;
            only.protocol = Protocol::tcp;
            only.port = port;
            rule.ports = {only};
        }
        Policy& policy = cluster.policies[{"shop", of}];
        policy = {{"shop", of}, Selector{{{"app", LabelRequirement::Operator::in, {of}}}}, false, true, {}, {rule}};
    }

    std::mt19937_64 random_;
};

std::string verdict_text(const SimulatedNode& node, const oracle::Hop& hop) {
    const auto verdict = node.judge(hop);
    return !verdict ? "none" : fmt::format("{}", static_cast<int>(verdict->kind));
}

void check_same(const SimulatedNode& went_on, const SimulatedNode& anew, const Cluster& cluster) {
    for (const char* local : {"here0", "here1"})
        for (const auto& [name, service] : cluster.services)
            for (const auto& [protocol, port] :
                 std::vector<std::pair<uint8_t, uint16_t>>{{6, 80}, {17, 53}, {6, 8080}}) {
                const oracle::Hop hop{
                    {"shop", local}, oracle::Direction::egress, service.addresses.front(), protocol, port};
                CAPTURE(local);
                CAPTURE(name.name);
                CAPTURE(port);
                CHECK(verdict_text(went_on, hop) == verdict_text(anew, hop));
            }
    CHECK(went_on.report().mixed_services == anew.report().mixed_services);
    CHECK(went_on.store().violations().empty());
}

}  // namespace

TEST_CASE("as a start from nothing, whatever happened to the backends before") {
    size_t anew = 0;
    size_t updates = 0;
    size_t mixed = 0;
    for (uint64_t seed = 1; seed <= 25; ++seed) {
        CAPTURE(seed);
        Shop shop(seed);
        SimulatedNode node;
        resolve::Departed departed;
        Cluster before;
        for (int update = 0; update < 40; ++update) {
            CAPTURE(update);
            for (int changes = update == 0 ? 0 : 1 + shop.pick(2); changes > 0; --changes)
                shop.mutate();
            departed.update(shop.cluster, update == 0 ? Changes::all() : changes_between(before, shop.cluster));
            before = shop.cluster;
            const auto frontends =
                resolve::frontends_of(shop.cluster, {kLocalNode, {}, {{"shop", "here0"}, {"shop", "here1"}}});
            departed.set_frontends(frontends);
            REQUIRE(node.load(shop.cluster, frontends, departed.pods()));
            if (update > 0) {
                anew += node.report().anew;
                ++updates;
            }
            mixed += !node.report().mixed_services.empty();
            SimulatedNode fresh;
            REQUIRE(fresh.load(shop.cluster, frontends, departed.pods()));
            check_same(node, fresh, shop.cluster);
            if (shop.pick(3) == 0)
                REQUIRE(node.collect());
        }
    }
    CHECK(mixed > updates / 10);  // the stories are about something
    CHECK(anew * 4 < updates);    // and most of them go on
    MESSAGE(anew, " of ", updates, " commits began anew");
}
