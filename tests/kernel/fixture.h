// SPDX-License-Identifier: Apache-2.0
// A pod "shop/web" (10.0.0.1, fd00::1) on interface 1, a client that its policy admits to TCP 80 (10.0.0.2, fd00::2),
// and one that it does not admit (10.0.0.3, fd00::3).
#pragma once

#include <doctest/doctest.h>

#include "support/kernel/kernel_lab.h"

namespace catflap::test {

// Kernel 6.2: nf_conntrack can be the flow table of TCP and UDP, and what builds on that is there. For decorators: on
// older kernels such a suite counts as skipped. By the version, so that nothing is skipped for another reason.
bool kernel_tracks();

// Manifests as text -> cluster; every document must be good.
Cluster cluster_of(const std::string& manifests);

// The three pods; with both families.
std::string shop_pods();
// Ingress to web: from app=client, TCP 80 only. Egress: not isolated.
std::string web_policy();
// Egress of web: to app=client, UDP 53 only. Ingress: not isolated.
std::string egress_policy();

const ObjectName kWeb{"shop", "web"};

// The shop under these policies, loaded.
struct Shop {
    explicit Shop(const std::string& policies = web_policy(), const LabOptions& options = {}) : lab(options) {
        enforce(policies);
    }
    void enforce(const std::string& policies) { lab.enforce(cluster_of(shop_pods() + policies), {kWeb}); }
    bool from(const Bytes& frame) { return lab.run(Hook::from_pod, frame); }
    bool to(const Bytes& frame) { return lab.run(Hook::to_pod, frame); }
    bool by_host(const Bytes& frame) { return lab.run(Hook::to_pod, frame, {.ingress_ifindex = 0}); }

    KernelLab lab;
};

// Verdict and counter together: the frame is dropped, for this reason, and counted once.
void check_dropped(Shop& shop, Hook hook, const Bytes& frame, catflap_reason reason);

// Of the connection client:40000 -> web:80 (10.0.0.2 or .3), as the node's hooks see it.
Packet tcp_to_web(uint8_t flags, const std::string& client = "10.0.0.2", uint16_t port = 80,
                  uint16_t client_port = 40000);
Packet tcp_from_web(uint8_t flags, const std::string& client = "10.0.0.2", uint16_t port = 80,
                    uint16_t client_port = 40000);

}  // namespace catflap::test
