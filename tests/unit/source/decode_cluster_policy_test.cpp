// SPDX-License-Identifier: Apache-2.0
// Refusals and warnings of policies of the cluster, with their field paths; what they mean is in the truth tables
// cluster_peers.yaml and cluster_policies.yaml.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "source/cache/manifest_text.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

Decoded decode_as(const std::string& kind, const std::string& spec) {
    return decode(fmt::format("apiVersion: policy.networking.k8s.io/{}\nkind: {}\nmetadata: {{name: default}}\n"
                              "spec: {{{}}}\n",
                              kind == "ClusterNetworkPolicy" ? "v1alpha2" : "v1alpha1", kind, spec),
                  "f");
}

const std::string kHead = "tier: Admin, priority: 5, subject: {namespaces: {}}, ";

// The one refusal of a ClusterNetworkPolicy with this in its spec.
void refused(const std::string& more, const std::string& message, const std::string& head = kHead) {
    const Decoded decoded = decode_as("ClusterNetworkPolicy", head + more);
    CHECK_MESSAGE(decoded.objects.empty(), more);
    CHECK(decoded.stand_ins.empty());
    CHECK(refusals(decoded) == Strings{"f:4: ClusterNetworkPolicy default: " + message});
}
void refused_rule(const std::string& rule, const std::string& message) {
    refused("ingress: [{" + rule + "}]", "spec.ingress[0]" + message);
}

// The one warning of a rule that fails closed.
void fails_closed(const std::string& rule, const std::string& message) {
    const Decoded decoded = decode_as("ClusterNetworkPolicy", kHead + "egress: [{" + rule + "}]");
    CHECK(refusals(decoded) == Strings{});
    REQUIRE(decoded.objects.size() == 1);
    const ClusterRule taken = std::get<ClusterPolicy>(decoded.objects[0].object).egress.at(0);
    CHECK(taken.unknown);
    CHECK(taken.peers.empty());
    REQUIRE(decoded.warnings.size() == 1);
    CHECK(to_string(decoded.warnings[0]) == "f:4: ClusterNetworkPolicy default: spec.egress[0]" + message);
}

}  // namespace

TEST_CASE("a whole one, read back as it was written") {
    const Decoded decoded = decode_as(
        "ClusterNetworkPolicy",
        "tier: Baseline, priority: 7, subject: {pods: {namespaceSelector: {matchLabels: {team: x}}, podSelector: {}}},"
        "ingress: [{name: first, action: Accept, from: [{namespaces: {}}], protocols: [{destinationNamedPort: http}]}],"
        "egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}, {nodes: {}}], protocols: [{tcp: {destinationPort: "
        "{number: 80}}}, {udp: {destinationPort: {range: {start: 1, end: 65535}}}}]},"
        "{action: Accept, to: [{domainNames: [a.example]}]}, {action: Pass, to: [{}]}]");
    CHECK(refusals(decoded) == Strings{});
    REQUIRE(decoded.objects.size() == 1);
    const auto& policy = std::get<ClusterPolicy>(decoded.objects[0].object);
    CHECK(policy.tier == ClusterTier::baseline);
    CHECK(policy.priority == 7);
    CHECK(policy.ingress.at(0).name == "first");
    CHECK(policy.ingress[0].ports == std::vector<ClusterPort>{PortByName{"http"}});
    CHECK(policy.egress.at(0).ports ==
          std::vector<ClusterPort>{PortInterval{Protocol::tcp, 80, 80}, PortInterval{Protocol::udp, 1, 65535}});
    CHECK(policy.egress.at(2).unknown);
    const Decoded again = decode(manifest_text(policy), "f");
    REQUIRE(again.objects.size() == 1);
    CHECK(again.objects[0].object == decoded.objects[0].object);
}

TEST_CASE("the older version: Allow, ports, one BANP without Pass and priority") {
    const Decoded decoded =
        decode_as("AdminNetworkPolicy",
                  "priority: 0, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}], ports: "
                  "[{portNumber: {port: 80}}, {portRange: {protocol: SCTP, start: 1, end: 2}}, {namedPort: http}]}]");
    CHECK(refusals(decoded) == Strings{});
    REQUIRE(decoded.objects.size() == 1);
    const auto& policy = std::get<ClusterPolicy>(decoded.objects[0].object);
    CHECK(policy.ingress.at(0).ports == std::vector<ClusterPort>{PortInterval{Protocol::tcp, 80, 80},
                                                                 PortInterval{Protocol::sctp, 1, 2},
                                                                 PortByName{"http"}});
    const Decoded again = decode(manifest_text(policy), "f");
    REQUIRE(again.objects.size() == 1);
    CHECK(again.objects[0].object == decoded.objects[0].object);
    CHECK(refusals(decode_as("BaselineAdminNetworkPolicy",
                             "subject: {namespaces: {}}, ingress: [{action: Pass, from: [{namespaces: {}}]}]")) ==
          Strings{"f:4: BaselineAdminNetworkPolicy default: spec.ingress[0].action: \"Pass\" is not an action of "
                  "BaselineAdminNetworkPolicy; use Allow or Deny"});
    CHECK(refusals(decode_as("BaselineAdminNetworkPolicy", "priority: 1, subject: {namespaces: {}}")).size() == 1);
}

TEST_CASE("tier, priority, subject") {
    refused("", "spec.tier: \"admin\" is not a tier; use Admin or Baseline",
            "tier: admin, priority: 5, subject: {namespaces: {}}");
    refused("", "spec.tier: is missing; write Admin or Baseline", "priority: 5, subject: {namespaces: {}}");
    refused("", "spec.priority: is missing; write 0 (first) to 1000 (last)", "tier: Admin, subject: {namespaces: {}}");
    refused("", "spec.priority: 1001 is not a priority (0, which comes first, to 1000)",
            "tier: Admin, priority: 1001, subject: {namespaces: {}}");
    refused("", "spec.subject: is missing; write namespaces: {} to select every pod", "tier: Admin, priority: 5");
    refused("", "spec.subject: needs exactly one of namespaces and pods", "tier: Admin, priority: 5, subject: {}");
    refused("", "spec.subject.pods.podSelector: is missing; {} selects all",
            "tier: Admin, priority: 5, subject: {pods: {namespaceSelector: {}}}");
    const Decoded misspelt = decode_as("ClusterNetworkPolicy", kHead + "egres: []");
    CHECK(refusals(misspelt).size() == 1);
    CHECK(misspelt.refusals.at(0).field == "spec.egres");
}

TEST_CASE("rules: actions, peers, limits") {
    refused_rule("from: [{namespaces: {}}]", ".action: is missing; write Accept, Deny or Pass");
    refused_rule("action: Allow, from: [{namespaces: {}}]",
                 ".action: \"Allow\" is not an action of ClusterNetworkPolicy; use Accept, Deny or Pass");
    refused_rule("action: Deny", ".from: is missing or empty; write at least one peer (namespaces: {} is every pod)");
    refused_rule("action: Deny, from: []",
                 ".from: is missing or empty; write at least one peer (namespaces: {} is every pod)");
    std::string peers;
    for (int i = 0; i < 26; ++i)
        peers += "{namespaces: {}},";
    refused_rule("action: Deny, from: [" + peers + "]", ".from: has 26 elements, and may have 25");
    refused_rule("name: " + std::string(101, 'n') + ", action: Deny, from: [{namespaces: {}}]",
                 ".name: has 101 characters, and may have 100");
}

TEST_CASE("ports out of range are refused") {
    const std::string head = "action: Deny, from: [{namespaces: {}}], protocols: [{";
    const std::string at = ".protocols[0]";
    refused_rule(head + "tcp: {destinationPort: {number: 0}}}]",
                 at + ".tcp.destinationPort.number: 0 is not a port (1 to 65535)");
    refused_rule(head + "udp: {destinationPort: {range: {start: 5, end: 5}}}}]",
                 at + ".udp.destinationPort.range.end: 5 must be above start, which is 5");
    refused_rule(head + "sctp: {}}]", at + ".sctp: has no destinationPort; every port is {destinationPort: {range: "
                                           "{start: 1, end: 65535}}}");
    refused(
        "egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: http}]}]",
        "spec.egress[0].protocols: names a port beside networks, nodes or domainNames, which declare none; write two "
        "rules");
}

TEST_CASE("what is unknown fails closed, and says so") {
    const std::string denies = "; the rule fails closed: it denies everything in its direction";
    const std::string accepts = "; the rule fails closed: it accepts nothing";
    fails_closed("action: Accept, to: [{}]", ".to[0]: is of no kind that is known here" + accepts);
    fails_closed("action: Deny, to: [{}]", ".to[0]: is of no kind that is known here" + denies);
    fails_closed("action: Pass, to: [{}]", ".to[0]: is of no kind that is known here" + denies);
    fails_closed("action: Deny, to: [{namespaces: {}, nodes: {}}]", ".to[0]: has both namespaces and nodes" + denies);
    fails_closed("action: Deny, to: [{namespaces: {}}], protocols: [{}]",
                 ".protocols[0]: is of no kind that is known here" + denies);
    fails_closed("action: Deny, to: [{domainNames: [a.example]}]",
                 ".to[0].domainNames: only an Accept can name domains" + denies);
    const Decoded bad =
        decode_as("ClusterNetworkPolicy", kHead + "egress: [{action: Accept, to: [{networks: [1.2.3.4/33]}]}]");
    REQUIRE(bad.objects.size() == 1);
    CHECK(std::get<ClusterPolicy>(bad.objects[0].object).egress.at(0).unknown);
    REQUIRE(bad.warnings.size() == 1);
    CHECK(bad.warnings[0].field == "spec.egress[0].to[0]");
    CHECK(bad.warnings[0].message.find("networks[0]") == 0);
}

TEST_CASE("domain names are told, and the rule goes on without them") {
    const Decoded decoded =
        decode_as("ClusterNetworkPolicy", kHead + "egress: [{action: Accept, to: [{domainNames: [a.example]}]}]");
    CHECK(refusals(decoded) == Strings{});
    REQUIRE(decoded.warnings.size() == 1);
    CHECK(decoded.warnings[0].field == "spec.egress[0].to[0].domainNames");
    CHECK_FALSE(std::get<ClusterPolicy>(decoded.objects.at(0).object).egress.at(0).unknown);
}

TEST_CASE("the version of the kind is asked for, a misspelt kind is noticed") {
    const Decoded old = decode(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: ClusterNetworkPolicy\n"
        "metadata: {name: a}\nspec: {" +
            kHead + "}\n",
        "f");
    REQUIRE(old.refusals.size() == 1);
    CHECK(old.refusals[0].message.find("policy.networking.k8s.io/v1alpha2") != std::string::npos);
    const Decoded misspelt = decode(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicies\n"
        "metadata: {name: a}\nspec: {}\n",
        "f");
    CHECK(misspelt.refusals.size() >= 1);
}
