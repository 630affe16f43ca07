// SPDX-License-Identifier: Apache-2.0
// What is urgent, and what of the desired state is told to be as it was.
#include "agent/derivation.h"

#include <doctest/doctest.h>

using namespace catflap;
using namespace catflap::agent;

namespace {

class Site {
  public:
    Site() {
        pod("a", "n1", "10.0.0.1");
        Link link;
        link.ifindex = 5;
        link.name = calico_interface_name({"app", "a"});
        links[5] = link;
        (void)update(Changes::all());
        derivation.committed();
    }
    Pod& pod(const std::string& name, const std::string& node, const std::string& address) {
        Pod& pod = cluster.pods[{"app", name}];
        pod.name = {"app", name};
        pod.node = node;
        pod.addresses = {parse_address(address).value()};
        return pod;
    }
    Policy& policy(const std::string& name) {
        Policy& policy = cluster.policies[{"app", name}];
        policy.name = {"app", name};
        policy.isolates_ingress = true;
        return policy;
    }
    compile::Desired update(const Changes& changes) {
        return derivation.update(cluster, changes, links, node_addresses);
    }
    [[nodiscard]] bool is_urgent(const Changes& changes) const { return derivation.is_urgent(cluster, changes); }

    Cluster cluster;
    std::map<uint32_t, Link> links;
    std::vector<Address> node_addresses;
    Derivation derivation{"n1"};
};

Changes of_pod(const std::string& name) {
    Changes changes;
    changes.pods[{"app", name}] = std::nullopt;
    return changes;
}
Changes of_policy(const std::string& name) {
    Changes changes;
    changes.policies.insert({"app", name});
    return changes;
}

}  // namespace

TEST_CASE("urgent: policies, namespaces, interfaces, pods of this node that come, change or go") {
    Site site;
    CHECK(site.is_urgent(Changes::all()));
    CHECK(site.is_urgent(of_policy("p")));
    Changes namespaces;
    namespaces.namespaces = true;
    CHECK(site.is_urgent(namespaces));
    CHECK(site.is_urgent(of_pod("a")));
    site.pod("new", "n1", "10.0.0.2");
    CHECK(site.is_urgent(of_pod("new")));
    site.cluster.pods.erase({"app", "a"});
    CHECK(site.is_urgent(of_pod("a")));
    site.derivation.links_changed();
    CHECK(site.is_urgent(Changes{}));
}

TEST_CASE("may wait: other nodes' pods, nodes, Services") {
    Site site;
    CHECK_FALSE(site.is_urgent(Changes{}));
    site.pod("far", "n2", "10.0.9.1");
    CHECK_FALSE(site.is_urgent(of_pod("far")));
    CHECK_FALSE(site.is_urgent(of_pod("gone-elsewhere")));
    Changes others;
    others.nodes = others.services = true;
    CHECK_FALSE(site.is_urgent(others));
}

TEST_CASE("the first state is all new, whatever it is told of changes") {
    Derivation derivation("n1");
    const Cluster cluster;
    const compile::Desired desired = derivation.update(cluster, {}, {}, {});
    CHECK(desired.changes.everything);
    CHECK_FALSE(desired.same_endpoints);
}

TEST_CASE("endpoints and rules are as they were when only another node's pod has changed") {
    Site site;
    site.pod("far", "n2", "10.0.9.1");
    const compile::Desired desired = site.update(of_pod("far"));
    CHECK(desired.same_endpoints);
    CHECK(desired.changes.pods.contains({"app", "far"}));
    CHECK_FALSE(desired.changes.everything);
    CHECK_FALSE(site.derivation.committed());
}

TEST_CASE("a policy for a pod of this node makes other rules") {
    Site site;
    const auto isolated = [&] {
        const auto& resolved = site.derivation.resolved();
        const auto tables = resolved.endpoints.at({"app", "a"});
        return !resolved.policies[tables[static_cast<size_t>(resolve::Direction::ingress)]]->policies.empty();
    };
    CHECK_FALSE(isolated());
    site.policy("p");
    CHECK_FALSE(site.update(of_policy("p")).same_endpoints);
    CHECK(isolated());
    CHECK(site.derivation.committed());
}

TEST_CASE("what was not committed is not as it was, until it is") {
    Site site;
    site.policy("p");
    CHECK_FALSE(site.update(of_policy("p")).same_endpoints);
    CHECK_FALSE(site.update(Changes{}).same_endpoints);  // the commit before was refused
    CHECK(site.derivation.committed());
    CHECK(site.update(Changes{}).same_endpoints);
    site.derivation.forget_commit();  // with its engine
    CHECK_FALSE(site.update(Changes{}).same_endpoints);
}

TEST_CASE("an interface that comes is an endpoint, with its pod or closed") {
    Site site;
    Link link;
    link.ifindex = 9;
    link.name = "cali9";
    site.links[9] = link;
    CHECK(site.update(Changes{}).endpoints.size() == 1);  // nobody has said that links changed
    site.derivation.links_changed();
    const compile::Desired desired = site.update(Changes{});
    CHECK_FALSE(desired.same_endpoints);
    REQUIRE(desired.endpoints.size() == 2);
    CHECK(desired.endpoints[0].pod == ObjectName{"app", "a"});
    CHECK_FALSE(desired.endpoints[1].pod);
}
