// SPDX-License-Identifier: Apache-2.0
// The clusters and policies of the scenarios, as the text that a kubectl would send. Pure.
//
// The policies of the server that do not match come first, and the last one admits the traffic: the worst case for an
// engine that goes through them one by one, and the one that decides how many policies a node can bear.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace catflap::bench {

// What a stage of the benchmark varies.
struct Scale {
    size_t policies_on_pod = 1;
    size_t policies_in_cluster = 1;  // the pod's included; one in ten of the others selects a pod of this node
    size_t set_addresses = 10;       // of the peer that admits the clients
    size_t pods_on_node = 10;        // 1: the server alone

    bool operator==(const Scale&) const = default;
};

constexpr size_t kPeersPerPolicy = 10;  // pods elsewhere in the cluster; each policy admits others

// File name -> text. Files are cut so that a larger scale keeps the files of a smaller one.
std::map<std::string, std::string> manifests_of(const Scale& scale);

// The pods that are parked on node-a at this scale.
size_t parked_pods(const Scale& scale);

// A policy of one document: who is selected, who is admitted (flow-style selectors) to all traffic ports.
std::string policy_text(const std::string& name, const std::string& pod_selector, const std::string& peer);
std::string pod_text(const std::string& name, const std::string& node, const std::string& address,
                     const std::string& labels);
// A policy with everything that could be judged differently: ipBlock with except, a named port, a range.
std::string mixed_policy_text();

}  // namespace catflap::bench
