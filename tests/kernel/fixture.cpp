// SPDX-License-Identifier: Apache-2.0
#include "kernel/fixture.h"

#include <sys/utsname.h>

#include <cstdio>

#include "source/decode/decode.h"

namespace catflap::test {

bool kernel_tracks() {
    utsname name{};
    int major = 0;
    int minor = 0;
    return uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 2));
}

Cluster cluster_of(const std::string& manifests) {
    const source::Decoded decoded = source::decode(manifests, "test");
    for (const auto& refusal : decoded.refusals)
        FAIL(to_string(refusal));
    Cluster cluster;
    for (const auto& [object, line] : decoded.objects) {
        if (const auto* pod = std::get_if<Pod>(&object))
            cluster.pods[pod->name] = *pod;
        else if (const auto* policy = std::get_if<Policy>(&object))
            cluster.policies[policy->name] = *policy;
        else if (const auto* service = std::get_if<Service>(&object))
            cluster.services[service->name] = *service;
        else if (const auto* slice = std::get_if<EndpointSlice>(&object))
            cluster.slices[slice->name] = *slice;
        else if (const auto* node = std::get_if<Node>(&object))
            cluster.nodes[node->name] = *node;
        else if (const auto* ns = std::get_if<Namespace>(&object))
            cluster.namespaces[ns->name] = *ns;
    }
    return cluster;
}

namespace {

std::string pod(const std::string& name, int last) {
    return fmt::format(R"(---
apiVersion: v1
kind: Pod
metadata: {{name: {0}, namespace: shop, uid: u{1}, labels: {{app: {0}}}}}
spec: {{nodeName: n1, containers: [{{name: main}}]}}
status: {{phase: Running, podIPs: [{{ip: 10.0.0.{1}}}, {{ip: "fd00::{1}"}}]}}
)",
                       name, last);
}

}  // namespace

std::string shop_pods() {
    return pod("web", 1) + pod("client", 2) + pod("other", 3);
}

std::string web_policy() {
    return R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{protocol: TCP, port: 80}]
)";
}

std::string egress_policy() {
    return R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{protocol: UDP, port: 53}]
)";
}

void check_dropped(Shop& shop, Hook hook, const Bytes& frame, catflap_reason reason) {
    const uint64_t before = shop.lab.drops(reason);
    const auto endpoint_before = shop.lab.counts();
    CHECK_FALSE(shop.lab.run(hook, frame));
    CHECK(shop.lab.drops(reason) == before + 1);
    const auto endpoint_after = shop.lab.counts();
    const auto dropped = [&](const kernel::EndpointCounts& counts) {
        return (hook == Hook::from_pod ? counts.from_pod : counts.to_pod).dropped.packets;
    };
    CHECK(dropped(endpoint_after) == dropped(endpoint_before) + 1);
}

namespace {

// `false == false` says nothing of the packet: every failed assertion comes with the last frame in words.
struct PacketListener : doctest::IReporter {
    explicit PacketListener(const doctest::ContextOptions& /*options*/) {}
    void report_query(const doctest::QueryData& /*query*/) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats& /*stats*/) override {}
    void test_case_start(const doctest::TestCaseData& /*test*/) override {}
    void test_case_reenter(const doctest::TestCaseData& /*test*/) override {}
    void test_case_end(const doctest::CurrentTestCaseStats& /*stats*/) override {}
    void test_case_exception(const doctest::TestCaseException& /*error*/) override {}
    void subcase_start(const doctest::SubcaseSignature& /*subcase*/) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData& assertion) override {
        if (assertion.m_failed && !describe_last_run().empty())
            fmt::print("  last frame: {}\n", describe_last_run());
    }
    void log_message(const doctest::MessageData& /*message*/) override {}
    void test_case_skipped(const doctest::TestCaseData& /*test*/) override {}
};
REGISTER_LISTENER("packet", 1, PacketListener);

}  // namespace

Packet tcp_to_web(uint8_t flags, const std::string& client, uint16_t port, uint16_t client_port) {
    return Ethernet{} / Ipv4{.source = client, .destination = "10.0.0.1"} /
           Tcp{.source_port = client_port, .destination_port = port, .flags = flags};
}

Packet tcp_from_web(uint8_t flags, const std::string& client, uint16_t port, uint16_t client_port) {
    return Ethernet{} / Ipv4{.source = "10.0.0.1", .destination = client} /
           Tcp{.source_port = port, .destination_port = client_port, .flags = flags};
}

}  // namespace catflap::test
