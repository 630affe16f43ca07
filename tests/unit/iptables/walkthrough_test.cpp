// SPDX-License-Identifier: Apache-2.0
// The published dump of the cluster that tests/data/walkthrough holds: the same rules in the same order.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "source/catalog/catalog.h"
#include "unit/iptables/support.h"

using namespace catflap;
using namespace catflap::iptables;
using namespace catflap::iptables::test;
using Lines = std::vector<std::string>;

namespace {

const std::string kData = CATFLAP_TEST_DATA "/walkthrough/";
const std::string kVeth = "calid3b581beed8";

std::string text_of(const std::string& file) {
    std::ifstream stream(kData + file);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

State render_walkthrough(const RenderOptions& options) {
    source::Catalog catalog;
    for (const char* file : {"cluster.yaml", "policy.yaml"})
        catalog.take(file, source::decode(text_of(file), file));
    catalog.publish();
    REQUIRE(catalog.refusals().empty());
    std::vector<Endpoint> endpoints;
    for (const auto& [name, pod] : catalog.cluster().pods)
        if (is_policed(pod) && pod.node == "aks-nodepool1-26711606-0")
            endpoints.push_back({calico_interface_name(name), name});
    CHECK(endpoints.size() == 18);
    return render(catalog.cluster(), endpoints, options);
}

const std::map<std::string, Chain>& ipv4_chains(const State& state) {
    return state.families[0].chains;
}

}  // namespace

TEST_CASE("the walkthrough's chains, as the version of its time wrote them") {
    const State state = render_walkthrough({.drop_encapsulation = false});
    const auto& chains = ipv4_chains(state);
    const std::string policy = chain_name("cali-pi-", "ingress/drop-inter-namespace");
    const std::string accepted = "-m mark --mark 0x10000/0x10000 ";
    CHECK(texts(chains.at("cali-tw-" + kVeth)) ==
          Lines{"-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-m conntrack --ctstate INVALID -j DROP",
                "-j MARK --set-xmark 0x0/0x10000", "-j MARK --set-xmark 0x0/0x20000",
                "-m mark --mark 0x0/0x20000 -j " + policy, accepted + "-j RETURN",
                "-m comment --comment \"Drop if no policies passed packet\" -m mark --mark 0x0/0x20000 -j DROP",
                "-j cali-pri-kns.ingress", accepted + "-j RETURN", "-j cali-pri-ksa.ingress.default",
                accepted + "-j RETURN", "-m comment --comment \"Drop if no profiles matched\" -j DROP"});
    CHECK(texts(chains.at("cali-fw-" + kVeth)) ==
          Lines{"-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-m conntrack --ctstate INVALID -j DROP",
                "-j MARK --set-xmark 0x0/0x10000", "-j cali-pro-kns.ingress", accepted + "-j RETURN",
                "-j cali-pro-ksa.ingress.default", accepted + "-j RETURN",
                "-m comment --comment \"Drop if no profiles matched\" -j DROP"});

    const auto set =
        std::ranges::find_if(state.sets, [](const auto& entry) { return entry.second.family == Family::ipv4; });
    REQUIRE(set != state.sets.end());
    CHECK(texts(chains.at(policy)) ==
          Lines{"-p tcp -m set --match-set " + set->first + " src -m multiport --dports 8080 " + kAccept, kReturn});
    CHECK(texts(chains.at("cali-pri-kns.ingress")) == Lines{kAccept, kReturn});
    CHECK(chains.at("cali-pri-ksa.ingress.default").rules.empty());
    for (const char* dispatch : {"cali-from-wl-dispatch-d", "cali-to-wl-dispatch-d"})
        CHECK(chains.at(dispatch).rules.front().rule.target.chain.ends_with(kVeth));

    Lines published;
    std::istringstream lines(text_of("source-set.txt"));
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with('#'))
            published.push_back(line);
    Lines members;
    for (const SetMember& member : set->second.members)
        members.push_back(to_string(member, SetKind::selector));
    CHECK(members.size() == 15);
    std::ranges::sort(members);
    std::ranges::sort(published);
    CHECK(members == published);
}

TEST_CASE("what a pod hides in other packets is dropped, unless that is switched off") {
    const auto rules = texts(ipv4_chains(render_walkthrough({})).at("cali-fw-" + kVeth));
    REQUIRE(rules.size() == 10);
    CHECK(rules[3].ends_with("-p 4 -j DROP"));
    CHECK(rules[4].ends_with("-p udp -m multiport --dports 4789 -j DROP"));
}

TEST_CASE("an account of its own has a profile of its own; an interface without a pod has no chain") {
    Cluster cluster = small_cluster();
    cluster.pods.at({"a", "web"}).service_account = "robot";
    const State state = render(cluster, {{"cali1", ObjectName{"a", "web"}}, {"cali2", {}}});
    CHECK(ipv4_chains(state).contains("cali-pri-ksa.a.robot"));
    CHECK_FALSE(ipv4_chains(state).contains("cali-tw-cali2"));
    CHECK(texts(ipv4_chains(state).at("cali-to-wl-dispatch")).size() == 2);
}

TEST_CASE("a policy that admits nothing isolates all the same") {
    Cluster cluster = small_cluster();
    cluster.policies[{"a", "p"}] = ingress_policy({});
    const State state = render(cluster, {{"cali1", ObjectName{"a", "web"}}});
    CHECK(ipv4_chains(state).at("cali-pi-a/p").rules.empty());
    CHECK(texts(ipv4_chains(state).at("cali-tw-cali1")).size() == 12);
    CHECK_FALSE(ipv4_chains(state).contains("cali-po-a/p"));
}
