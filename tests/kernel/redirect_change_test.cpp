// SPDX-License-Identifier: Apache-2.0
// The short way between two pods of the node, when something changes: policies, pods, age.
#include "kernel/redirect_pair.h"

using namespace catflap;
using namespace catflap::test;

TEST_SUITE_BEGIN("tracked" * doctest::skip(!kernel_tracks()));

TEST_CASE("redirect: a change of policy at either end takes effect with the next packet") {
    const std::string nobody = R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
)";
    const std::string nowhere = R"(---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nowhere, namespace: shop}
spec: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]}
)";
    Pair receiver;
    receiver.connect();
    REQUIRE(receiver.from_client(tcp_to_web(kAck)).redirected);
    receiver.enforce(nobody);
    CHECK_FALSE(receiver.from_client(tcp_to_web(kAck)).redirected);
    CHECK_FALSE(receiver.to_web(tcp_to_web(kAck)).passed);

    Pair sender;
    sender.connect();
    REQUIRE(sender.from_client(tcp_to_web(kAck)).redirected);
    sender.enforce(web_policy() + nowhere);
    CHECK_FALSE(sender.from_client(tcp_to_web(kAck)).passed);
}

TEST_CASE("redirect: a receiver that is gone, or another pod by now, is not handed anything") {
    Pair pair;
    pair.connect();
    REQUIRE(pair.from_client(tcp_to_web(kAck)).redirected);
    Cluster cluster = cluster_of(shop_pods() + web_policy());
    cluster.pods[kWeb].uid = "another";
    pair.lab.enforce(cluster, std::vector<ObjectName>{kWeb, {"shop", "client"}, {"shop", "other"}});
    CHECK_FALSE(pair.from_client(tcp_to_web(kAck)).redirected);
}

TEST_CASE("redirect: it is learned anew when the fast flow has expired") {
    Pair pair;
    pair.connect();
    REQUIRE(pair.from_client(tcp_to_web(kAck)).redirected);
    pair.lab.forget_fast_flows();
    for (int i = 0; i < 2; ++i) {
        CHECK_FALSE(pair.from_client(tcp_to_web(kAck)).redirected);
        REQUIRE(pair.to_web(tcp_to_web(kAck)).passed);
    }
    CHECK(pair.from_client(tcp_to_web(kAck)).redirected);
}

TEST_SUITE_END();
