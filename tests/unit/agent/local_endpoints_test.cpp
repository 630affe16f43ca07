// SPDX-License-Identifier: Apache-2.0
// Which pod hangs on which interface.
#include "agent/local_endpoints.h"

#include <doctest/doctest.h>

using namespace catflap;
using namespace catflap::agent;

namespace {

Address address(const char* text) {
    return parse_address(text).value();
}

class Site {
  public:
    Pod& pod(const std::string& name, const std::vector<const char*>& addresses) {
        Pod& pod = cluster.pods[{"app", name}];
        pod.name = {"app", name};
        pod.uid = "uid-" + name;
        pod.node = "n1";
        for (const char* one : addresses)
            pod.addresses.push_back(address(one));
        pods.insert(pod.name);
        return pod;
    }
    void link(uint32_t ifindex, const std::string& name, const std::vector<const char*>& routes) {
        Link& link = links[ifindex];
        link.ifindex = ifindex;
        link.name = name;
        for (const char* one : routes)
            link.host_routes.push_back(address(one));
        std::ranges::sort(link.host_routes);
    }
    void policy(const std::string& name) {
        Policy& policy = cluster.policies[{"app", name}];
        policy.name = {"app", name};
    }
    [[nodiscard]] LocalEndpoints match() const { return match_endpoints(cluster, pods, links, prefixes); }

    Cluster cluster;
    std::set<ObjectName> pods;
    std::map<uint32_t, Link> links;
    InterfacePrefixes prefixes;
};

const std::string kNameOfA = calico_interface_name({"app", "a"});

}  // namespace

TEST_CASE("by the name that Calico gives the veth, whatever its routes say") {
    Site site;
    site.pod("a", {"10.0.0.1"});
    site.pod("b", {"10.0.0.2"});
    site.link(5, kNameOfA, {"10.0.0.2"});
    const auto local = site.match();
    REQUIRE(local.endpoints.size() == 1);
    CHECK(local.endpoints[0].pod == ObjectName{"app", "a"});
    CHECK(local.endpoints[0].uid == "uid-a");
    CHECK(local.pods == std::vector<ObjectName>{{"app", "a"}});
}

TEST_CASE("by the name that another plug-in gives the veth, where its prefix is asked for") {
    Site site;
    site.pod("a", {"10.0.0.1"});
    site.pod("b", {"10.0.0.2"});
    site.link(5, "azv" + interface_digits({"app", "a"}), {"10.0.0.2"});
    CHECK(site.match().endpoints[0].pod == ObjectName{"app", "b"});  // to whom this name says nothing
    site.prefixes = InterfacePrefixes::parse("cali,azv").value();
    CHECK(site.match().endpoints[0].pod == ObjectName{"app", "a"});
    site.policy("all");
    const auto local = site.match();
    REQUIRE(local.unenforced.size() == 1);
    CHECK(local.unenforced[0].reason ==
          "no azv* or cali* interface of this node is the pod's: it has not started yet, or hangs on a bridge, or is a "
          "virtual node's");
}

TEST_CASE("by the host route where the name says nothing; an interface without either has no pod") {
    Site site;
    site.pod("a", {"10.0.0.1"});
    site.link(5, "cali5", {"10.0.0.1"});
    site.link(6, "cali6", {"10.0.0.6"});
    site.link(7, "cali7", {});
    const auto local = site.match();
    REQUIRE(local.endpoints.size() == 3);
    CHECK(local.endpoints[0].pod == ObjectName{"app", "a"});
    CHECK_FALSE(local.endpoints[1].pod);
    CHECK_FALSE(local.endpoints[2].pod);
    CHECK(local.endpoints[1].ifindex == 6);
    CHECK(local.endpoints[2].interface == "cali7");
}

TEST_CASE("of two interfaces for one pod the later one is its: the other's sandbox is going away") {
    Site site;
    site.pod("a", {"10.0.0.1"});
    site.link(5, "cali5", {"10.0.0.1"});
    site.link(9, "cali9", {"10.0.0.1"});
    const auto local = site.match();
    CHECK_FALSE(local.endpoints[0].pod);
    CHECK(local.endpoints[1].pod == ObjectName{"app", "a"});
    CHECK(local.pods.size() == 1);
}

TEST_CASE("of two interfaces for one pod the one with the pod's name is its, be it the earlier one") {
    Site site;
    site.pod("a", {"10.0.0.1"});
    site.link(5, kNameOfA, {"10.0.0.1"});
    site.link(9, "cali9", {"10.0.0.1"});
    const auto local = site.match();
    CHECK(local.endpoints[0].pod == ObjectName{"app", "a"});
    CHECK_FALSE(local.endpoints[1].pod);
}

TEST_CASE("addresses: what route and status agree on, else the route's, else the status's; one of each family") {
    Site site;
    site.pod("a", {"10.0.0.1", "fd00::1"});
    site.link(5, kNameOfA, {});
    CHECK(site.match().endpoints[0].addresses == std::array{address("10.0.0.1"), address("fd00::1")});
    site.links.clear();
    site.link(5, kNameOfA, {"10.0.0.9", "fd00::9"});
    CHECK(site.match().endpoints[0].addresses == std::array{address("10.0.0.9"), address("fd00::9")});
    site.links.clear();
    site.link(5, kNameOfA, {"10.0.0.0", "10.0.0.1", "fd00::9"});
    CHECK(site.match().endpoints[0].addresses == std::array{address("10.0.0.1"), address("fd00::9")});
}

TEST_CASE(
    "a pod that a policy selects and that has no interface is named, with the policies; one without policies is not") {
    Site site;
    site.pod("a", {"10.0.0.1"});
    CHECK(site.match().unenforced.empty());
    site.policy("p");
    site.policy("q");
    const auto local = site.match();
    REQUIRE(local.unenforced.size() == 1);
    CHECK(local.unenforced[0].pod == ObjectName{"app", "a"});
    CHECK(local.unenforced[0].policies == std::vector<PolicyName>{{"app", "p"}, {"app", "q"}});
    CHECK(local.unenforced[0].reason.starts_with("no cali* interface"));
    site.link(5, kNameOfA, {});
    CHECK(site.match().unenforced.empty());
}

TEST_CASE("the node's pods: those that policies see, brought up to each change") {
    Cluster cluster;
    Pod pod;
    pod.name = {"app", "a"};
    pod.node = "n1";
    cluster.pods[pod.name] = pod;
    LocalPods pods("n1");
    CHECK(pods.update(cluster, Changes::all()));
    CHECK(pods.names() == std::set<ObjectName>{{"app", "a"}});

    Changes changes;
    CHECK_FALSE(pods.update(cluster, changes));
    pod.name = {"app", "far"};
    pod.node = "n2";
    cluster.pods[pod.name] = pod;
    changes.pods[pod.name] = std::nullopt;
    CHECK_FALSE(pods.update(cluster, changes));

    for (const auto& hide : {+[](Pod& one) { one.host_network = true; }, +[](Pod& one) { one.finished = true; },
                             +[](Pod& one) { one.node = "n2"; }}) {
        Cluster now = cluster;
        hide(now.pods[{"app", "a"}]);
        Changes change;
        change.pods[{"app", "a"}] = cluster.pods[{"app", "a"}];
        LocalPods one = pods;
        CHECK(one.update(now, change));
        CHECK(one.names().empty());
    }
    Changes gone;
    gone.pods[{"app", "a"}] = cluster.pods[{"app", "a"}];
    cluster.pods.erase({"app", "a"});
    CHECK(pods.update(cluster, gone));
    CHECK(pods.names().empty());
}
