// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/manifests.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/lab/site.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

constexpr size_t kPoliciesPerFile = 500;
constexpr size_t kRealPods = 3;  // server, client, stranger
constexpr const char* kElsewhere = "node-c";

// The nth address of a range that no pod of the laboratory has.
std::string peer_address(size_t index) {
    return fmt::format("10.{}.{}.{}", 64 + index / 60000, index % 60000 / 240, 1 + index % 240);
}
std::string set_address(size_t index) {
    return fmt::format("10.{}.{}.{}", 128 + index / 60000, index % 60000 / 240, 1 + index % 240);
}

std::string base_text() {
    std::string text = fmt::format("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n", kNamespace);
    for (const auto& [node, address] : {std::pair{kNodeA, "10.0.0.1"}, std::pair{kNodeB, "10.0.0.2"}})
        text += fmt::format(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {}}}\n"
            "status: {{addresses: [{{type: InternalIP, address: {}}}]}}\n",
            node, address);
    for (const PodPlace& pod : kPods)
        text += pod_text(pod.name, pod.node, pod.address, fmt::format("role: {0}, name: {1}", pod.role, pod.name));
    return text;
}

std::string parked_text(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i)
        text += pod_text(parked_name(i), kNodeA, parked_address(i), fmt::format("role: parked, parked: \"{}\"", i));
    return text;
}

std::string peers_text(size_t policy) {
    std::string text;
    for (size_t i = 0; i < kPeersPerPolicy; ++i)
        text += pod_text(fmt::format("peer-{}-{}", policy, i), kElsewhere, peer_address(policy * kPeersPerPolicy + i),
                         fmt::format("peer: \"{}\"", policy));
    return text;
}

// Policies that admit nobody who asks: `selector` is whom they select.
template <class Selector>
void add_policies(std::map<std::string, std::string>& files, const std::string& kind, size_t first, size_t count,
                  Selector selector) {
    for (size_t i = 0; i < count; ++i) {
        std::string& text = files[fmt::format("{}-{:03}.yaml", kind, i / kPoliciesPerFile)];
        text += policy_text(fmt::format("{}-{:05}", kind, i), selector(i),
                            fmt::format("{{podSelector: {{matchLabels: {{peer: \"{}\"}}}}}}", first + i));
        text += peers_text(first + i);
    }
}

}  // namespace

std::string pod_text(const std::string& name, const std::string& node, const std::string& address,
                     const std::string& labels) {
    return fmt::format(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {}, namespace: {}, labels: {{{}}}}}\n"
        "spec: {{nodeName: {}, containers: [{{name: main, ports: [{{name: web, containerPort: 8200}}]}}]}}\n"
        "status: {{phase: Running, podIP: {}}}\n",
        name, kNamespace, labels, node, address);
}

std::string policy_text(const std::string& name, const std::string& pod_selector, const std::string& peer) {
    return fmt::format(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {}, namespace: {}}}\n"
        "spec:\n  podSelector: {}\n  policyTypes: [Ingress]\n  ingress:\n  - from: [{}]\n"
        "    ports: [{{protocol: UDP, port: {}, endPort: {}}}, {{protocol: TCP, port: {}, endPort: {}}}]\n",
        name, kNamespace, pod_selector, peer, kFirstPort, kLastPort, kFirstPort, kLastPort);
}

std::string mixed_policy_text() {
    return fmt::format(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: mixed, namespace: {}}}\n"
        "spec:\n  podSelector: {{matchLabels: {{role: server}}}}\n  policyTypes: [Ingress, Egress]\n  ingress:\n"
        "  - from: [{{podSelector: {{matchLabels: {{role: client}}}}}}]\n    ports: [{{port: web}}]\n"
        "  - from: [{{ipBlock: {{cidr: 10.2.0.0/16, except: [10.2.0.3/32]}}}}]\n"
        "    ports: [{{protocol: TCP, port: 8100}}, {{protocol: UDP, port: 8100, endPort: 8109}}]\n"
        "  - from: [{{namespaceSelector: {{}}, podSelector: {{matchExpressions: [{{key: name, operator: In, "
        "values: [stranger]}}]}}}}]\n    ports: [{{protocol: UDP, port: 8110}}]\n"
        "  egress:\n  - to: [{{podSelector: {{matchLabels: {{role: client}}}}}}]\n    ports: [{{protocol: UDP, port: 8120}}]\n",
        kNamespace);
}

size_t parked_pods(const Scale& scale) {
    return scale.pods_on_node > kRealPods ? scale.pods_on_node - kRealPods : 0;
}

std::map<std::string, std::string> manifests_of(const Scale& scale) {
    std::map<std::string, std::string> files;
    const size_t parked = parked_pods(scale);
    files["base.yaml"] = base_text();
    files["parked.yaml"] = parked_text(parked);
    // The last of its namespace, by name.
    files["admit.yaml"] =
        policy_text("zz-admit", "{matchLabels: {role: server}}", "{podSelector: {matchLabels: {role: client}}}");
    constexpr size_t kRealClients = 2;
    std::string& set = files["set.yaml"];
    for (size_t i = kRealClients; i < scale.set_addresses; ++i)
        set += pod_text(fmt::format("set-{}", i), kElsewhere, set_address(i), "role: client");
    const size_t others_on_pod = scale.policies_on_pod - 1;
    add_policies(files, "pod", 0, others_on_pod, [](size_t) { return "{matchLabels: {role: server}}"; });
    if (scale.policies_in_cluster > scale.policies_on_pod)
        add_policies(files, "cluster", others_on_pod, scale.policies_in_cluster - scale.policies_on_pod, [&](size_t i) {
            if (i % 10 == 0 && parked > 0)
                return fmt::format("{{matchLabels: {{parked: \"{}\"}}}}", i / 10 % parked);
            return fmt::format("{{matchLabels: {{peer: \"{}\"}}}}", others_on_pod + i);
        });
    return files;
}

}  // namespace catflap::bench
