// SPDX-License-Identifier: Apache-2.0
// Two pods of the shop on one node, between which flows take the short way.
#pragma once

#include "kernel/fixture.h"

namespace catflap::test {

inline constexpr uint32_t kWebInterface = 1;
inline constexpr uint32_t kClientInterface = 2;

// The client (interface 2) and web (interface 1) on one pair.
struct Pair {
    explicit Pair(const std::string& policies = web_policy(), LabOptions options = {}) : lab(with_redirects(options)) {
        enforce(policies);
        for (const uint32_t ifindex : {1U, 2U, 3U})
            lab.set_gate(ifindex, CATFLAP_REDIRECT_TCP_UDP);
    }
    static LabOptions with_redirects(LabOptions options) {
        options.redirects = true;
        options.tracked = true;
        return options;
    }
    void enforce(const std::string& policies) {
        lab.enforce(cluster_of(shop_pods() + policies), {kWeb, {"shop", "client"}, {"shop", "other"}});
    }
    Outcome from_client(const Bytes& frame) { return lab.send(Hook::from_pod, frame, {.ifindex = kClientInterface}); }
    Outcome to_web(const Bytes& frame) {
        return lab.send(Hook::to_pod, frame, {.ifindex = kWebInterface, .ingress_ifindex = kClientInterface});
    }
    Outcome from_web(const Bytes& frame) { return lab.send(Hook::from_pod, frame, {.ifindex = kWebInterface}); }
    Outcome to_client(const Bytes& frame) {
        return lab.send(Hook::to_pod, frame, {.ifindex = kClientInterface, .ingress_ifindex = kWebInterface});
    }
    // The whole way, there and back, until the connection is established.
    void connect() {
        REQUIRE(from_client(tcp_to_web(kSyn)).passed);
        REQUIRE(to_web(tcp_to_web(kSyn)).passed);
        REQUIRE(from_web(tcp_from_web(kSyn | kAck)).passed);
        REQUIRE(to_client(tcp_from_web(kSyn | kAck)).passed);
        for (int i = 0; i < 2; ++i) {  // the flow cache knows an established flow only after its third packet
            REQUIRE(from_client(tcp_to_web(kAck)).passed);
            REQUIRE(to_web(tcp_to_web(kAck)).passed);
            REQUIRE(from_web(tcp_from_web(kAck)).passed);
            REQUIRE(to_client(tcp_from_web(kAck)).passed);
        }
    }
    uint64_t learned() { return lab.datapath().health().value().redirects_learned; }

    KernelLab lab;
};

}  // namespace catflap::test
