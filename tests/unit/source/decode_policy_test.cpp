// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;
using Operator = LabelRequirement::Operator;

namespace {

// The policy default/p with this spec, in flow style: "podSelector: {}".
Decoded decode_spec(const std::string& spec) {
    return decode("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {" + spec + "}\n",
                  "f");
}

Policy policy(const std::string& spec) {
    const Decoded decoded = decode_spec(spec);
    CHECK(refusals(decoded).empty());
    REQUIRE(decoded.objects.size() == 1);
    return std::get<Policy>(decoded.objects[0].object);
}

PolicyPeer peer(const std::string& text) {
    return policy("ingress: [{from: [{" + text + "}]}]").ingress.at(0).peers.at(0);
}
PolicyPort port(const std::string& text) {
    return policy("ingress: [{ports: [{" + text + "}]}]").ingress.at(0).ports.at(0);
}

// The one refusal of this spec, without the parts that are always the same.
void refused(const std::string& spec, const std::string& message) {
    const Decoded decoded = decode_spec(spec);
    CHECK_MESSAGE(decoded.objects.empty(), spec);
    CHECK(refusals(decoded) == Strings{"f:4: NetworkPolicy default/p: " + message});
}
void refused_peer(const std::string& text, const std::string& message) {
    refused("ingress: [{from: [{" + text + "}]}]", "spec.ingress[0].from[0]" + message);
}
void refused_port(const std::string& text, const std::string& message) {
    refused("egress: [{ports: [{" + text + "}]}]", "spec.egress[0].ports[0]" + message);
}

Prefix prefix(const char* text) {
    return parse_prefix(text)->prefix;
}

}  // namespace

TEST_CASE("policyTypes and its default") {
    const auto types = [](const std::string& spec) {
        const Policy decoded = policy(spec);
        return std::pair(decoded.isolates_ingress, decoded.isolates_egress);
    };
    CHECK(types("") == std::pair(true, false));
    CHECK(types("podSelector: {}") == std::pair(true, false));
    CHECK(types("ingress: []") == std::pair(true, false));
    CHECK(types("egress: []") == std::pair(true, false));
    CHECK(types("egress: [{}]") == std::pair(true, true));
    CHECK(types("policyTypes: []") == std::pair(true, false));
    CHECK(types("policyTypes: [], egress: [{}]") == std::pair(true, true));
    CHECK(types("policyTypes: [Egress]") == std::pair(false, true));
    CHECK(types("policyTypes: [Ingress], egress: [{}]") == std::pair(true, false));
    CHECK(types("policyTypes: [Egress, Ingress]") == std::pair(true, true));
    refused("policyTypes: [ingress]", "spec.policyTypes[0]: \"ingress\" is not a policy type; use Ingress or Egress");
}

TEST_CASE("rules of a direction that is not named have no effect, and that is said") {
    const Decoded decoded = decode_spec("policyTypes: [Egress], ingress: [{}]");
    REQUIRE(decoded.warnings.size() == 1);
    CHECK(decoded.warnings[0].field == "spec.ingress");
    CHECK(std::get<Policy>(decoded.objects.at(0).object).ingress.empty());
}

TEST_CASE("missing, null and empty") {
    CHECK(policy("ingress: []").ingress.empty());
    CHECK(policy("ingress: null").ingress.empty());
    for (const char* rule : {"{}", "{from: []}", "{from: null, ports: null}", "{ports: []}"})
        CHECK_MESSAGE(policy(std::string("ingress: [") + rule + "]").ingress == std::vector{PolicyRule{}}, rule);
    CHECK(policy("podSelector: {}").pods == Selector{});
    CHECK(peer("podSelector: {}").pods == Selector{});
    CHECK_FALSE(peer("podSelector: {}").namespaces.has_value());
    CHECK(peer("podSelector: null, namespaceSelector: {}").namespaces == Selector{});
    refused("ingress: [null]", "spec.ingress[0]: is empty; write {} to allow everything, or remove it");
    refused("ingress: [{ports: [null]}]", "spec.ingress[0].ports[0]: is empty; write {} for every TCP port");
    refused("ingress: [{from: [null]}]",
            "spec.ingress[0].from[0]: names no peer; give podSelector, namespaceSelector or ipBlock ({} selects all)");
    refused_peer("", ": names no peer; give podSelector, namespaceSelector or ipBlock ({} selects all)");
    refused("ingress: {}", "spec.ingress: must be a list, not an object");
    refused("podSelector: [a]", "spec.podSelector: must be an object (fields with names), not a list");
}

TEST_CASE("an unknown field is refused: a misspelt one may open the cluster") {
    refused("podselector: {}", "spec.podselector: is not a field here; write podSelector");
    refused("ingress: [{form: []}]", "spec.ingress[0].form: is not a field here; write from");
    refused("egress: [{from: []}]", "spec.egress[0].from: is not a field here; known are to, ports");
    refused_peer("podSelector: {}, x: y", ".x: is not a field here; known are podSelector, namespaceSelector, ipBlock");
    refused_peer("podSelector: {app: web}",
                 ".podSelector.app: is not a field here; known are matchLabels, matchExpressions");
    refused_port("prot: UDP", ".prot: is not a field here; write port");
    refused_port("proto: UDP", ".proto: is not a field here; known are protocol, port, endPort");
    refused("podSelector: {}, podSelector: {}", "spec.podSelector: is given twice, first on line 4; keep one");
    refused("podSelector: {<<: {}}", "spec.podSelector[\"<<\"]: merge keys are not supported; write the fields out");
}

TEST_CASE("selectors are sorted, and equal ones compare equal") {
    const Selector selector =
        *peer(
             "podSelector: {matchExpressions: [{key: z, operator: Exists}, {key: b, operator: NotIn, "
             "values: ['y', x, 'y']}, {key: z, operator: Exists}, {key: c, operator: DoesNotExist, values: []}, "
             "{key: a, operator: In, values: ['1']}], matchLabels: {a: '1', k8s.io/app: ''}}")
             .pods;
    CHECK(selector == Selector{{{"a", Operator::in, {"1"}},
                                {"b", Operator::not_in, {"x", "y"}},
                                {"c", Operator::does_not_exist, {}},
                                {"k8s.io/app", Operator::in, {""}},
                                {"z", Operator::exists, {}}}});
}

TEST_CASE("bad selectors") {
    const auto refused_expression = [](const std::string& text, const std::string& message) {
        refused("podSelector: {matchExpressions: [" + text + "]}", "spec.podSelector.matchExpressions[0]" + message);
    };
    refused_expression("{key: a, operator: Is}",
                       ".operator: \"Is\" is not an operator; use In, NotIn, Exists or DoesNotExist");
    refused_expression("{key: a}", ".operator: is missing; use In, NotIn, Exists or DoesNotExist");
    refused_expression("{operator: Exists}", ".key: is missing; write the label's key");
    refused_expression("{key: a, operator: In}", ".values: In and NotIn need at least one value");
    refused_expression("{key: a, operator: NotIn, values: []}", ".values: In and NotIn need at least one value");
    refused_expression("{key: a, operator: Exists, values: [x]}", ".values: Exists and DoesNotExist take no values");
    refused_expression("{key: a, operator: In, values: [null]}",
                       ".values[0]: is empty; write a label value, \"\" for the empty one");
    refused_expression("{key: a, operator: In, values: [1]}",
                       ".values[0]: 1 without quotes is a number, and must be a string; write \"1\"");
    refused_expression("null", ": is empty; write key, operator and values");
    refused("podSelector: {matchLabels: {a: yes}}",
            "spec.podSelector.matchLabels.a: yes without quotes is a boolean, and must be a string; write \"yes\"");
    refused("podSelector: {matchLabels: {a: [b]}}", "spec.podSelector.matchLabels.a: must be a string, not a list");
    CHECK(decode_spec("podSelector: {matchLabels: {-a: x}}").objects.empty());
    CHECK(decode_spec("podSelector: {matchLabels: {A.b/c: x}}").objects.empty());
    CHECK(decode_spec("podSelector: {matchLabels: {a: " + std::string(64, 'x') + "}}").objects.empty());
}

TEST_CASE("ipBlock") {
    CHECK(peer("ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16, 10.1.0.0/16, 10.2.0.0/16]}").ip_block ==
          IpBlock{prefix("10.0.0.0/8"), {prefix("10.1.0.0/16"), prefix("10.2.0.0/16")}});
    CHECK(peer("ipBlock: {cidr: '::/0', except: ['fd00::/8']}").ip_block ==
          IpBlock{prefix("::/0"), {prefix("fd00::/8")}});
    refused_peer("ipBlock: {}", ".ipBlock.cidr: is missing; write a CIDR such as 10.0.0.0/8");
    refused_peer("ipBlock: {cidr: 10.0.0.0}", ".ipBlock.cidr: \"10.0.0.0\" is not a CIDR: it has no /length");
    refused_peer("ipBlock: {cidr: 10.0.0.0/33}",
                 ".ipBlock.cidr: \"10.0.0.0/33\" is not a CIDR: the length must be 0 to 32");
    refused_peer("ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}",
                 ".ipBlock.except[0]: 11.0.0.0/16 must lie inside 10.0.0.0/8 and be smaller");
    refused_peer("ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}",
                 ".ipBlock.except[0]: 10.0.0.0/8 must lie inside 10.0.0.0/8 and be smaller");
    refused_peer("ipBlock: {cidr: 0.0.0.0/0, except: ['fd00::/8']}",
                 ".ipBlock.except[0]: fd00::/8 must lie inside 0.0.0.0/0 and be smaller");
    refused_peer("ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}", ": has ipBlock beside a selector; write two peers");
}

TEST_CASE("a CIDR with host bits is taken as its network, with a warning") {
    const Decoded decoded = decode_spec("ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.9.9.9/16]}}]}]");
    const Policy taken = std::get<Policy>(decoded.objects.at(0).object);
    CHECK(taken.ingress.at(0).peers.at(0).ip_block == IpBlock{prefix("10.0.0.0/8"), {prefix("10.9.0.0/16")}});
    CHECK(
        messages(decoded.warnings) ==
        Strings{
            "f:4: NetworkPolicy default/p: spec.ingress[0].from[0].ipBlock.cidr: \"10.1.2.3/8\" has bits set past its "
            "length; taken as 10.0.0.0/8",
            "f:4: NetworkPolicy default/p: spec.ingress[0].from[0].ipBlock.except[0]: \"10.9.9.9/16\" has bits set past "
            "its length; taken as 10.9.0.0/16"});
}

TEST_CASE("CIDRs as API servers have stored them: leading zeros are decimal, IPv4-mapped blocks are IPv4") {
    const Decoded decoded = decode_spec(
        "ingress: [{from: [{ipBlock: {cidr: 010.009.001.009/32}}, {ipBlock: {cidr: '::ffff:10.0.0.0/104', "
        "except: ['::ffff:10.1.0.0/112', 10.2.0.0/016]}}]}]");
    const Policy taken = std::get<Policy>(decoded.objects.at(0).object);
    CHECK(taken.ingress.at(0).peers.at(0).ip_block == IpBlock{prefix("10.9.1.9/32"), {}});
    CHECK(taken.ingress.at(0).peers.at(1).ip_block ==
          IpBlock{prefix("10.0.0.0/8"), {prefix("10.1.0.0/16"), prefix("10.2.0.0/16")}});
    const std::string from = "f:4: NetworkPolicy default/p: spec.ingress[0].from";
    CHECK(
        messages(decoded.warnings) ==
        Strings{
            from + "[0].ipBlock.cidr: \"010.009.001.009/32\" has leading zeros; read as decimal numbers: 10.9.1.9/32",
            from + "[1].ipBlock.cidr: \"::ffff:10.0.0.0/104\" is an IPv4-mapped IPv6 address; taken as 10.0.0.0/8",
            from +
                "[1].ipBlock.except[0]: \"::ffff:10.1.0.0/112\" is an IPv4-mapped IPv6 address; taken as 10.1.0.0/16",
            from + "[1].ipBlock.except[1]: \"10.2.0.0/016\" has leading zeros; read as decimal numbers: 10.2.0.0/16"});
    const Decoded pod = decode("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nstatus: {podIP: 010.0.0.1}\n", "f");
    CHECK(std::get<Pod>(pod.objects.at(0).object).addresses == std::vector{parse_address("10.0.0.1").value()});
    CHECK(pod.warnings.size() == 1);
}

TEST_CASE("ports") {
    CHECK(port("") == PolicyPort{});
    CHECK(port("protocol: UDP") == PolicyPort{Protocol::udp, {}, {}});
    CHECK(port("port: 65535, protocol: SCTP") == PolicyPort{Protocol::sctp, uint16_t{65535}, {}});
    CHECK(port("port: http") == PolicyPort{Protocol::tcp, "http", {}});
    CHECK(port("port: \"8080-tcp\"") == PolicyPort{Protocol::tcp, "8080-tcp", {}});
    CHECK(port("port: 80, endPort: 80") == PolicyPort{Protocol::tcp, uint16_t{80}, uint16_t{80}});
    refused_port("port: 70000", ".port: 70000 is not a port (1 to 65535)");
    refused_port("port: 0", ".port: 0 is not a port (1 to 65535)");
    refused_port("port: -1", ".port: -1 is not a port (1 to 65535)");
    refused_port("port: 99999999999999999999",
                 ".port: 99999999999999999999 must be a whole number in plain decimal digits");
    refused_port("port: 8.5", ".port: 8.5 must be a whole number in plain decimal digits");
    refused_port("port: \"80\"", ".port: \"80\" in quotes is a port's name; write 80 without quotes");
    refused_port("port: true", ".port: true without quotes is a boolean, and must be a string; write \"true\"");
    refused_port("port: [80]", ".port: must be a string, not a list");
    CHECK(decode_spec("ingress: [{ports: [{port: a--b}]}]").objects.empty());
    CHECK(decode_spec("ingress: [{ports: [{port: HTTP}]}]").objects.empty());
    refused_port("protocol: ICMP", ".protocol: \"ICMP\" is not a protocol; use TCP, UDP or SCTP");
    refused_port("protocol: tcp", ".protocol: \"tcp\" is not a protocol; use TCP, UDP or SCTP");
    refused_port("port: 80, endPort: 79", ".endPort: 79 is below port 80; it must be equal or above");
    refused_port("port: 80, endPort: 65536", ".endPort: 65536 is not a port (1 to 65535)");
    refused_port("port: 80, endPort: \"90\"", ".endPort: \"90\" must be a number without quotes");
    refused_port("port: http, endPort: 90", ".endPort: needs port to be a number: the range is port to endPort");
    refused_port("endPort: 90", ".endPort: needs port to be a number: the range is port to endPort");
}

TEST_CASE("every error of a policy is reported, in its order, and the other objects are taken") {
    const Decoded decoded = decode(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: bad\n  namespace: prod\nspec:\n"
        "  podSelector:\n    matchLabels:\n      app: 1\n  ingress:\n  - from:\n    - ipBlock:\n        cidr: 10.0.0.0\n"
        "    ports:\n    - port: 70000\n    - port: 90\n      endPort: 80\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: good, namespace: prod}\nspec: {}\n",
        "p.yaml");
    CHECK(keys(decoded) == Strings{"NetworkPolicy prod/good"});
    std::vector<std::pair<int, std::string>> places;
    for (const Diagnostic& refusal : decoded.refusals) {
        CHECK(refusal.object == "NetworkPolicy prod/bad");
        places.emplace_back(refusal.line, refusal.field);
    }
    CHECK(places == std::vector<std::pair<int, std::string>>{{9, "spec.podSelector.matchLabels.app"},
                                                             {13, "spec.ingress[0].from[0].ipBlock.cidr"},
                                                             {15, "spec.ingress[0].ports[0].port"},
                                                             {17, "spec.ingress[0].ports[1].endPort"}});
}

TEST_CASE("kubectl's YAML of a policy, with managed fields") {
    const Decoded decoded = decode_file("manifests/kubectl-policy.yaml");
    CHECK(refusals(decoded).empty());
    REQUIRE(decoded.objects.size() == 1);
    const Policy expected{
        .name = {"prod", "db"},
        .pods = {{{"app", Operator::in, {"db"}}}},
        .isolates_ingress = true,
        .isolates_egress = true,
        .ingress = {{.peers = {{Selector{{{"tier", Operator::in, {"api", "web"}}}}, {}, {}},
                               {{}, {}, IpBlock{prefix("10.0.0.0/8"), {prefix("10.1.0.0/16"), prefix("10.9.0.0/16")}}}},
                     .ports = {{Protocol::tcp, "postgres", {}}, {Protocol::tcp, uint16_t{9100}, uint16_t{9200}}}}},
        .egress = {{.peers = {{Selector{{{"k8s-app", Operator::in, {"kube-dns"}}}}, Selector{}, {}}},
                    .ports = {{Protocol::udp, uint16_t{53}, {}}}}},
        .created = "2024-05-01T10:00:00Z"};
    CHECK(std::get<Policy>(decoded.objects[0].object) == expected);
}
