// SPDX-License-Identifier: Apache-2.0
#include "source/decode/decode.h"

#include <doctest/doctest.h>

#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

TEST_CASE("documents of any kind: ours are taken, others are passed over") {
    const Decoded decoded = decode(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {x: 'y'}}\n"
        "---\n# nothing\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
        "---\napiVersion: metrics.k8s.io/v1beta1\nkind: Node\nmetadata: {name: other-group}\n"
        "---\napiVersion: example.com/v1\nkind: AllowList\nitems: [1, 2]\n"
        "---\napiVersion: v1\nkind: Node\nmetadata: {name: 'n'}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1},"
        " {type: Hostname, address: nn}, {type: ExternalIP, address: 'fd00::1'}]}\n",
        "f.yaml");
    CHECK(refusals(decoded).empty());
    CHECK(decoded.warnings.empty());
    CHECK(keys(decoded) == Strings{"Namespace a", "Node n"});
    CHECK(decoded.objects[0].line == 1);
    CHECK(decoded.objects[1].line == 19);
    const Node& node = std::get<Node>(decoded.objects[1].object);
    CHECK(node.addresses == std::vector{parse_address("10.0.0.1").value(), parse_address("fd00::1").value()});
}

TEST_CASE("what is not an object is refused, and the rest of the file is taken") {
    const auto check = [](const char* text, const char* message) {
        const Decoded decoded =
            decode(std::string(text) + "\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", "f");
        CHECK(refusals(decoded) == Strings{message});
        CHECK(keys(decoded) == Strings{"Namespace a"});
    };
    check("just text", "f:1: is not a Kubernetes object (fields with names)");
    check("- 1", "f:1: is not a Kubernetes object (fields with names)");
    check("metadata: {name: x}", "f:1: kind: is missing; every object needs apiVersion and kind");
    check("apiVersion: v1\nkind: Pod\nmetadata: {}", "f:3: metadata.name: is missing; an object needs a name");
    check("apiVersion: v1\nkind: Pod", "f:1: metadata.name: is missing; an object needs a name");
    check("apiVersion: v1\nkind: Pod\nmetadata: {name: 12}",
          "f:3: metadata.name: 12 without quotes is a number, and must be a string; write \"12\"");
    check("apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\nkind: Namespace",
          "f:4: kind: is given twice, first on line 2; keep one");
    check("kind: Pod\nmetadata: {name: x}", "f:1: Pod default/x: apiVersion: is missing; write v1");
    check("apiVersion: v1\nkind: pod\nmetadata: {name: x}",
          "f:2: Pod default/x: kind: \"pod\" is not a kind; write Pod");
    check("apiVersion: v1\nkind: Podlist\nitems: []", "f:2: kind: \"Podlist\" is not a kind; it ends in List");
    check("apiVersion: v1\nkind: List\nitems: {a: b}", "f:3: items: must be a list, not an object");
    check("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]",
          "f:3: kind: a list inside a list is not supported");
}

TEST_CASE("a text that is not YAML is refused as a whole") {
    const Decoded decoded = decode("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\na: [1\n", "f.yaml");
    CHECK(decoded.unreadable);
    CHECK(decoded.objects.empty());
    REQUIRE(decoded.refusals.size() == 1);
    CHECK(decoded.refusals[0].line >= 5);
    CHECK(decoded.refusals[0].object.empty());
    CHECK(decoded.refusals[0].message.starts_with("not YAML or JSON: "));
}

TEST_CASE("lists: elements with their own kind, and without one") {
    const char* element = "{metadata: {name: a}}";
    const auto list = [&](const std::string& before, const std::string& after) {
        return decode(before + "items: [" + element + "]\n" + after, "f");
    };
    CHECK(keys(list("kind: NamespaceList\napiVersion: v1\n", "")) == Strings{"Namespace a"});
    CHECK(keys(list("", "kind: NamespaceList\napiVersion: v1\n")) == Strings{"Namespace a"});
    CHECK(keys(list("apiVersion: v1\n", "kind: NodeList\n")) == Strings{"Node a"});
    CHECK(keys(list("kind: DeploymentList\napiVersion: apps/v1\n", "")).empty());
    CHECK(refusals(list("kind: List\napiVersion: v1\n", "")) ==
          Strings{"f:3: kind: is missing; every object needs apiVersion and kind"});
    CHECK(refusals(list("kind: NetworkPolicyList\napiVersion: networking.k8s.io/v1\n", "")) ==
          Strings{"f:3: NetworkPolicy default/a: spec: is missing; write at least podSelector: {}"});
    CHECK(keys(decode("items: [{apiVersion: v1, kind: Namespace, metadata: {name: a}}]\nkind: Menu\n", "f")).empty());
    CHECK(decode("kind: PodList\napiVersion: v1\nitems:\n", "f").refusals.empty());
}

TEST_CASE("one name twice in a file: the first counts, unless both are equal") {
    const std::string object = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {x: 'y'}}\n---\n";
    CHECK(decode(object + object, "f").refusals.empty());
    CHECK(keys(decode(object + object, "f")) == Strings{"Namespace a"});
    const Decoded decoded = decode(object + "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", "f");
    CHECK(refusals(decoded) == Strings{"f:5: Namespace a: is already defined on line 1; keep one"});
    CHECK(std::get<Namespace>(decoded.objects.at(0).object).labels == Labels{{"x", "y"}});
}

TEST_CASE("policies of other groups are passed over, but not in silence") {
    const Decoded decoded = decode(
        "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: a}\n---\n"
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: b}\n---\n"
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicyList\nitems: [{metadata: {name: c}}]\n",
        "f");
    CHECK(decoded.objects.empty());
    CHECK(decoded.refusals.empty());
    REQUIRE(decoded.warnings.size() == 3);
    CHECK(to_string(decoded.warnings[0]) ==
          "f:1: NetworkPolicy a: apiVersion: passed over: projectcalico.org/v3 NetworkPolicy is not enforced; "
          "networking.k8s.io/v1 NetworkPolicy is");
    CHECK(decoded.warnings[1].object == "GlobalNetworkPolicy b");
    CHECK(decoded.warnings[2].object == "CiliumNetworkPolicy c");
    const Decoded old =
        decode("apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {}\n", "f");
    CHECK(refusals(old) == Strings{"f:1: NetworkPolicy default/a: apiVersion: \"extensions/v1beta1\" is not supported; "
                                   "write networking.k8s.io/v1"});
}

TEST_CASE("kubectl's JSON of a pod") {
    const Decoded decoded = decode_file("manifests/kubectl-pod.json");
    CHECK(refusals(decoded).empty());
    REQUIRE(decoded.objects.size() == 1);
    const Pod expected{.name = {"prod", "web-0"},
                       .uid = "1f0c2b9e-6a3c-4b8d-9d6e-0d9f6a6f3b21",
                       .node = "node-1",
                       .labels = {{"app", "web"}, {"version", "2"}},
                       .addresses = {parse_address("10.1.0.9").value(), parse_address("fd00::9").value()},
                       .ports = {{"http", Protocol::tcp, 8080}, {"metrics", Protocol::udp, 15090}}};
    CHECK(std::get<Pod>(decoded.objects[0].object) == expected);
}

TEST_CASE("pods: phases, the host's network, addresses") {
    const auto pod = [](const std::string& rest) {
        const Decoded decoded = decode("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n" + rest, "f");
        CHECK(refusals(decoded).empty());
        REQUIRE(decoded.objects.size() == 1);
        return std::get<Pod>(decoded.objects[0].object);
    };
    CHECK(pod("status: {phase: Succeeded}").finished);
    CHECK(pod("status: {phase: Failed}").finished);
    CHECK_FALSE(pod("status: {phase: Running}").finished);
    CHECK(pod("spec: {hostNetwork: true}").host_network);
    CHECK_FALSE(pod("spec:\nstatus:\n").host_network);
    CHECK(pod("status: {podIP: 10.0.0.7}").addresses == std::vector{parse_address("10.0.0.7").value()});
    CHECK(pod("status: {podIP: '', podIPs: []}").addresses.empty());
    CHECK(pod("spec: {unknownField: [1, {a: b}]}").node.empty());
}

TEST_CASE("host ports: of containers and sidecars, with or without a name") {
    const Decoded decoded = decode(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - ports:\n"
        "    - {name: web, containerPort: 80, hostPort: 8080}\n    - {containerPort: 53, hostPort: 1053, protocol: UDP, hostIP: 10.0.0.1}\n"
        "    - {containerPort: 81, hostPort: 8081, hostIP: 0.0.0.0}\n    - {containerPort: 82, hostPort: 8082, hostIP: \"::\"}\n"
        "    - {containerPort: 83, hostPort: 0}\n    - {containerPort: 84}\n"
        "  initContainers:\n  - restartPolicy: Always\n    ports: [{containerPort: 90, hostPort: 9090, hostIP: \"\"}]\n"
        "  - ports: [{containerPort: 91, hostPort: 9091}]\n"
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec:\n  containers:\n  - ports:\n"
        "    - {containerPort: 80, hostPort: 70000}\n    - {hostPort: 80}\n    - {containerPort: 80, hostPort: 81, hostIP: here}\n",
        "f");
    REQUIRE(keys(decoded) == Strings{"Pod default/p"});
    const Pod& pod = std::get<Pod>(decoded.objects[0].object);
    CHECK(pod.ports == std::vector<NamedPort>{{"web", Protocol::tcp, 80}});
    CHECK(pod.host_ports == std::vector<HostPort>{{Protocol::tcp, 8080, 80, {}},
                                                  {Protocol::udp, 1053, 53, parse_address("10.0.0.1").value()},
                                                  {Protocol::tcp, 8081, 81, {}},
                                                  {Protocol::tcp, 8082, 82, {}},
                                                  {Protocol::tcp, 9090, 90, {}}});
    CHECK(
        refusals(decoded) ==
        Strings{"f:24: Pod default/q: spec.containers[0].ports[0].hostPort: 70000 is not a port (1 to 65535)",
                "f:25: Pod default/q: spec.containers[0].ports[1].containerPort: is missing; write a port (1 to 65535)",
                "f:26: Pod default/q: spec.containers[0].ports[2].hostIP: \"here\" is not an IPv4 or IPv6 address"});
}

TEST_CASE("a bad pod is refused alone, with everything that is wrong with it") {
    const Decoded decoded = decode(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels:\n    version: 1\n    \"on\": true\n    bad key: x\n    a.b/c: -x\n"
        "spec:\n  hostNetwork: \"true\"\n  containers:\n  - ports:\n    - {name: Web, containerPort: 80}\n"
        "    - {name: web, containerPort: 70000}\n    - {name: web, containerPort: 80, protocol: ICMP}\n    - {name: web}\n"
        "status:\n  podIPs: [{ip: 10.0.0.300}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: q}\n",
        "f");
    CHECK(keys(decoded) == Strings{"Pod default/q"});
    CHECK(
        refusals(decoded) ==
        Strings{
            "f:6: Pod default/p: metadata.labels.version: 1 without quotes is a number, and must be a string; write \"1\"",
            "f:7: Pod default/p: metadata.labels.on: true without quotes is a boolean, and must be a string; write \"true\"",
            "f:8: Pod default/p: metadata.labels[\"bad key\"]: \"bad key\" must be an optional DNS name and '/', then 1 to "
            "63 of A-Z, a-z, 0-9, '-', '_' and '.', a letter or digit at both ends",
            "f:9: Pod default/p: metadata.labels[\"a.b/c\"]: \"-x\" must be empty, or up to 63 of A-Z, a-z, 0-9, '-', '_' "
            "and '.', a letter or digit at both ends",
            "f:11: Pod default/p: spec.hostNetwork: must be true or false, without quotes",
            "f:14: Pod default/p: spec.containers[0].ports[0].name: \"Web\" must be up to 15 of a-z, 0-9 and '-', at least "
            "one letter, no '-' at either end and no '--'",
            "f:15: Pod default/p: spec.containers[0].ports[1].containerPort: 70000 is not a port (1 to 65535)",
            "f:16: Pod default/p: spec.containers[0].ports[2].protocol: \"ICMP\" is not a protocol; use TCP, UDP or SCTP",
            "f:17: Pod default/p: spec.containers[0].ports[3].containerPort: is missing; write a port (1 to 65535)",
            "f:19: Pod default/p: status.podIPs[0].ip: \"10.0.0.300\" is not an IPv4 or IPv6 address",
        });
}

TEST_CASE("the walkthrough") {
    const Decoded cluster = decode_file("walkthrough/cluster.yaml");
    CHECK(refusals(cluster).empty());
    CHECK(cluster.warnings.empty());
    CHECK(cluster.objects.size() == 4 + 3 + 28);
    const Decoded policies = decode_file("walkthrough/policy.yaml");
    CHECK(refusals(policies).empty());
    REQUIRE(policies.objects.size() == 1);
    using Operator = LabelRequirement::Operator;
    const Policy expected{.name = {"ingress", "drop-inter-namespace"},
                          .pods = {{{"app", Operator::in, {"kuard-vnode-ingress"}}}},
                          .isolates_ingress = true,
                          .isolates_egress = false,
                          .ingress = {{.peers = {{.pods = {},
                                                  .namespaces = Selector{{{"name", Operator::in, {"kube-system"}}}},
                                                  .ip_block = {}}},
                                       .ports = {{Protocol::tcp, uint16_t{8080}, {}}}}},
                          .egress = {}};
    CHECK(std::get<Policy>(policies.objects[0].object) == expected);
}

TEST_CASE("a diagnostic as text is one line, and drives no terminal") {
    const Diagnostic diagnostic{"a\nb\x1b[2J.yaml", 1, "Pod \xff", "x", "is\nwrong"};
    CHECK(to_string(diagnostic) == "a\\x0ab\\x1b[2J.yaml:1: Pod \\xff: x: is\\x0awrong");
}
