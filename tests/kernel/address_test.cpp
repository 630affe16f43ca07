// SPDX-License-Identifier: Apache-2.0
// Pods whose addresses share a bucket: those that find it full lie in the trie, and no packet can tell.
#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

namespace {

constexpr uint32_t kPods = CATFLAP_BUCKET_SLOTS + 4;

// To web from this block: TCP 90.
std::string block_policy(const std::string& block) {
    return fmt::format(R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: block, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  ingress:
  - from: [{{ipBlock: {{cidr: "{}"}}}}]
    ports: [{{protocol: TCP, port: 90}}]
)",
                       block);
}

struct Crowd {
    explicit Crowd(const std::string& policies = web_policy()) : cluster(cluster_of(shop_pods() + policies)) {
        const auto ipv4 = colliding("10.{}.{}.{}", 1);
        const auto ipv6 = colliding("fd00:{:x}:{:x}::{:x}", 1);
        for (uint32_t i = 0; i < kPods; ++i)
            pods.push_back({ipv4[i], ipv6[i]});
        for (uint32_t i = 0; i < kPods; ++i)
            add(i, "client");
        enforce();
    }

    std::vector<Address> colliding(fmt::string_view form, uint32_t first) const {
        const kernel::AddressTable& table = lab.datapath().store().addresses();
        std::vector<Address> result;
        for (uint32_t i = first << 16; result.size() < kPods; ++i) {
            const auto address = parse_address(fmt::format(fmt::runtime(form), i >> 16, i >> 8 & 255, i & 255)).value();
            if (result.empty() || table.bucket_of(address) == table.bucket_of(result.front()))
                result.push_back(address);
        }
        return result;
    }

    void add(uint32_t i, const std::string& app) {
        Pod pod = cluster.pods.at({"shop", "client"});
        pod.name = {"shop", fmt::format("crowd{}", i)};
        pod.labels = {{"app", app}};
        pod.addresses = pods[i];
        cluster.pods[pod.name] = pod;
    }
    void remove(uint32_t i) { cluster.pods.erase({"shop", fmt::format("crowd{}", i)}); }
    void enforce() { lab.enforce(cluster, {kWeb}); }

    bool passes(uint32_t i, size_t family, uint16_t port = 80) {
        const std::string from = to_string(pods[i][family]);
        const Tcp tcp{.source_port = ++source_port, .destination_port = port, .flags = kSyn};
        return family == 0 ? lab.run(Hook::to_pod, Ethernet{} / Ipv4{.source = from, .destination = "10.0.0.1"} / tcp)
                           : lab.run(Hook::to_pod, Ethernet{} / Ipv6{.source = from, .destination = "fd00::1"} / tcp);
    }
    void check(uint32_t i, bool allowed) {
        CAPTURE(i);
        CHECK(passes(i, 0) == allowed);
        CHECK(passes(i, 1) == allowed);
        CHECK_FALSE(passes(i, 0, 81));
        CHECK_FALSE(passes(i, 1, 81));
    }
    // A pod whose address of this family found its bucket full.
    uint32_t crowded(size_t family) {
        for (uint32_t i = 0; i < kPods; ++i)
            if (lab.datapath().store().cidrs().has_pod(pods[i][family]))
                return i;
        FAIL("no bucket is full");
        return 0;
    }
    size_t in_trie() { return lab.datapath().store().cidrs().pod_keys(); }

    mutable KernelLab lab;
    Cluster cluster;
    std::vector<std::vector<Address>> pods;  // IPv4, IPv6
    uint16_t source_port = 1000;
};

}  // namespace

TEST_CASE("pods that share a bucket are told apart, in both families") {
    Crowd crowd;
    CHECK(crowd.in_trie() == 2 * (kPods - CATFLAP_BUCKET_SLOTS));
    for (uint32_t i = 0; i < kPods; ++i)
        crowd.check(i, true);
    for (uint32_t i = 0; i < kPods; i += 2)
        crowd.add(i, "other");
    crowd.enforce();
    for (uint32_t i = 0; i < kPods; ++i)
        crowd.check(i, i % 2 == 1);
}

TEST_CASE("pods that share a bucket come and go") {
    Crowd crowd;
    for (uint32_t i = 0; i < kPods; i += 3)
        crowd.remove(i);
    crowd.enforce();
    for (uint32_t i = 0; i < kPods; ++i)
        crowd.check(i, i % 3 != 0);
    for (uint32_t i = 0; i < kPods; i += 3)
        crowd.add(i, "client");
    crowd.enforce();
    for (uint32_t i = 0; i < kPods; ++i)
        crowd.check(i, true);
    for (uint32_t i = 0; i < kPods; ++i)
        crowd.remove(i);
    crowd.enforce();
    CHECK(crowd.in_trie() == 0);
    for (uint32_t i = 0; i < kPods; ++i)
        crowd.check(i, false);
}

// Both are one key of the trie.
TEST_CASE("a block that is the address of a pod without room in its bucket") {
    for (const size_t family : {size_t{0}, size_t{1}}) {
        Crowd crowd;
        const uint32_t i = crowd.crowded(family);
        const size_t pods_alone = crowd.in_trie();
        const std::string block = to_string(Prefix::host(crowd.pods[i][family]));
        const Cluster with_block = cluster_of(block_policy(block));
        crowd.cluster.policies.insert(with_block.policies.begin(), with_block.policies.end());
        crowd.enforce();
        CHECK(crowd.in_trie() == pods_alone - 1);
        crowd.check(i, true);
        CHECK(crowd.passes(i, family, 90));
        CHECK_FALSE(crowd.passes(i, 1 - family, 90));

        crowd.remove(i);  // the block stays
        crowd.enforce();
        crowd.check(i, false);
        CHECK(crowd.passes(i, family, 90));

        crowd.add(i, "client");
        crowd.enforce();
        CHECK(crowd.crowded(family) == i);
        CHECK(crowd.passes(i, family, 90));
        for (const auto& [name, policy] : with_block.policies)
            crowd.cluster.policies.erase(name);  // the pod stays
        crowd.enforce();
        crowd.check(i, true);
        CHECK_FALSE(crowd.passes(i, family, 90));
        crowd.remove(i);
        crowd.enforce();
        crowd.check(i, false);
        CHECK_FALSE(crowd.passes(i, family, 90));
    }
}
