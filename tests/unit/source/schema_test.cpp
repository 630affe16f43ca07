// SPDX-License-Identifier: Apache-2.0
// Misspelt kinds and fields are told; what the API really has is taken.
#include <doctest/doctest.h>

#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

std::string type(const std::string& version, const std::string& kind) {
    return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: x}\n";
}

// The one refusal of this object, without its file.
std::string refusal(const std::string& text) {
    const Decoded decoded = decode(text, "f");
    CHECK(decoded.objects.empty());
    REQUIRE_MESSAGE(decoded.refusals.size() == 1, text);
    return to_string(decoded.refusals[0]).substr(2);
}

bool is_passed_over(const std::string& text) {
    const Decoded decoded = decode(text, "f");
    return decoded.objects.empty() && decoded.refusals.empty();
}

void taken(const std::string& text) {
    const Decoded decoded = decode(text, "f");
    CHECK(refusals(decoded) == Strings{});
    CHECK(decoded.objects.size() == 1);
}

}  // namespace

TEST_CASE("a misspelt kind of a known group is refused, with the one that is meant") {
    CHECK(refusal(type("networking.k8s.io/v1", "NetworkPolciy") + "spec: {}\n") ==
          "2: NetworkPolicy default/x: kind: \"NetworkPolciy\" is not a kind; write NetworkPolicy");
    CHECK(refusal(type("v1", "Namepsace")) == "2: Namespace x: kind: \"Namepsace\" is not a kind; write Namespace");
    CHECK(refusal(type("discovery.k8s.io/v1", "EndpointSlices")) ==
          "2: EndpointSlice default/x: kind: \"EndpointSlices\" is not a kind; write EndpointSlice");
    CHECK(refusal(type("v1", "Deployment")) == "2: Deployment x: kind: \"Deployment\" is not a kind of v1");
    CHECK(refusal(type("v1", "ConfigMpa")) ==
          "2: ConfigMpa x: kind: \"ConfigMpa\" is not a kind of v1; write ConfigMap");
    CHECK(refusal(type("networking.k8s.io/v1", "Ingres")) ==
          "2: Ingres x: kind: \"Ingres\" is not a kind of networking.k8s.io/v1; write Ingress");
    CHECK(refusal(type("networkng.k8s.io/v1", "NetworkPolicy")) ==
          "1: NetworkPolicy x: apiVersion: \"networkng.k8s.io\" is not an API group; write networking.k8s.io");
    CHECK(refusal(type("networking .k8s.io/v1", "NetworkPolicy")) ==
          "1: NetworkPolicy x: apiVersion: \"networking .k8s.io/v1\" is not a group and a version");
    CHECK(refusal("kind: Foo\nmetadata: {name: x}\n") ==
          "1: Foo x: apiVersion: is missing; every object needs apiVersion and kind");
    CHECK(refusal("kind: NetworkPolciy\nmetadata: {name: x}\nspec: {}\napiVersion: networking.k8s.io/v1\n")
              .starts_with("1: NetworkPolicy default/x: kind: "));
}

TEST_CASE("other kinds of the known groups, and other groups, are passed over") {
    for (const char* kind : {"Binding", "ComponentStatus", "ConfigMap", "Config", "Endpoints", "Event", "LimitRange",
                             "PodTemplate", "PersistentVolume", "PersistentVolumeClaim", "ReplicationController",
                             "Secret", "ResourceQuota", "ServiceAccount", "Status", "ConfigMapList", "EventList"})
        CHECK_MESSAGE(is_passed_over(type("v1", kind)), kind);
    for (const char* kind : {"Ingress", "IngressClass", "IPAddress", "ServiceCIDR", "ClusterCIDR", "IngressList"})
        CHECK_MESSAGE(is_passed_over(type("networking.k8s.io/v1", kind)), kind);
    for (const char* version : {"apps/v1", "example.com/v1", "networking.istio.io/v1", "networking.x-k8s.io/v1",
                                "gateway.networking.k8s.io/v1", "extensions/v1beta1"})
        CHECK_MESSAGE(is_passed_over(type(version, "Gateway")), version);
    CHECK(is_passed_over(type("discovery.k8s.io/v1beta1", "EndpointSlice")));
    CHECK(is_passed_over(type("metrics.k8s.io/v1beta1", "PodMetrics")));
}

TEST_CASE("a misspelt field of an object's top level or metadata is refused") {
    CHECK(refusal("apiVersion: v1\nkind: Pod\nmetadata: {name: p, nameSpace: prod}\n") ==
          "3: Pod default/p: metadata.nameSpace: is not a field here; write namespace");
    CHECK(refusal(
              "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespase: x}\nspec: {}\n") ==
          "3: NetworkPolicy default/p: metadata.namespase: is not a field here; write namespace");
    CHECK(refusal("apiVersion: v1\nkind: Namespace\nmetadata: {name: p, label: {a: b}}\n") ==
          "3: Namespace p: metadata.label: is not a field here; write labels");
    CHECK(refusal("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: p\n  app: web\n")
              .starts_with("5: Namespace p: metadata.app: is not a field here; known are name, "));
    CHECK(refusal("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspecs: {}\n") ==
          "4: Pod default/p: specs: is not a field here; write spec");
    CHECK(refusal("apiVersion: v1\nkind: List\nItems: []\n") == "3: Items: is not a field here; write items");
}

TEST_CASE("below that, what looks like a misspelt field that is read") {
    const auto pod = [](const std::string& text) { return "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n" + text; };
    CHECK(refusal(pod("spec: {hostnetwork: true}")) ==
          "4: Pod default/p: spec.hostnetwork: is not a field here; write hostNetwork");
    CHECK(refusal(pod("spec: {nodename: node}")) ==
          "4: Pod default/p: spec.nodename: is not a field here; write nodeName");
    CHECK(refusal(pod("spec: {containers: [{port: []}]}")) ==
          "4: Pod default/p: spec.containers[0].port: is not a field here; write ports");
    CHECK(refusal(pod("spec: {initContainers: [{restartpolicy: Always}]}")) ==
          "4: Pod default/p: spec.initContainers[0].restartpolicy: is not a field here; write restartPolicy");
    CHECK(refusal(pod("spec: {containers: [{ports: [{containerport: 80}]}]}")) ==
          "4: Pod default/p: spec.containers[0].ports[0].containerport: is not a field here; write containerPort");
    CHECK(refusal(pod("status: {podIp: 10.0.0.1}")) ==
          "4: Pod default/p: status.podIp: is not a field here; write podIP");
    CHECK(refusal(pod("status: {podIPs: [{IP: 10.0.0.1}]}")) ==
          "4: Pod default/p: status.podIPs[0].IP: is not a field here; write ip");
    CHECK(refusal("apiVersion: v1\nkind: Node\nmetadata: {name: node}\nstatus: {adresses: []}") ==
          "4: Node node: status.adresses: is not a field here; write addresses");
    CHECK(refusal("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIp: 10.0.0.1}") ==
          "4: Service default/s: spec.clusterIp: is not a field here; write clusterIP");
    CHECK(
        refusal(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s}\nendpoints: [{address: []}]") ==
        "4: EndpointSlice default/s: endpoints[0].address: is not a field here; write addresses");
    CHECK(refusal("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s}\n"
                  "endpoints: [{conditions: {Ready: true}}]") ==
          "4: EndpointSlice default/s: endpoints[0].conditions.Ready: is not a field here; write ready");
}

TEST_CASE("fields that the API has, or may have one day, are taken") {
    taken(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, clusterName: '', selfLink: /x, managedFields: [{a: b}]}\n"
        "spec: {hostPID: true, hostIPC: true, hostUsers: true, hostname: x, newIn2031: {a: b}, restartPolicy: Never,\n"
        "  containers: [{name: c, env: [], tty: true, stdin: true}], serviceAccount: s, volumes: []}\n"
        "status: {hostIP: 10.0.0.1, hostIPs: [{ip: 10.0.0.1}], qosClass: Burstable, podIP: 10.1.0.1}\n");
    taken(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
        "spec: {ipFamilies: [IPv4], ipFamily: IPv4, ipFamilyPolicy: SingleStack, clusterIPs: [10.0.0.1],\n"
        "  ports: [{port: 80, targetPort: 8080, appProtocol: http}], topologyKeys: ['*']}\nstatus: {loadBalancer: {}}\n");
    taken(
        "apiVersion: v1\nkind: Node\nmetadata: {name: node}\n"
        "spec: {podCIDR: 10.0.0.0/24, podCIDRs: [10.0.0.0/24], taints: [{key: a, effect: NoSchedule}]}\n"
        "status: {nodeInfo: {}, images: [], addresses: [{type: Hostname, address: node}]}\n");
    taken(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {}\nstatus: {conditions: []}\n");
}
