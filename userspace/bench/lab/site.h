// SPDX-License-Identifier: Apache-2.0
// One mode's own cluster of two nodes, in network namespaces that nothing else uses: every mode stands at once, with
// the same layout and the same addresses, so modes can take turns without anything being set up anew.
//
//   node-a: server, client, stranger, and parked pods (veths of one common namespace, which never send)
//   node-b: far-client, far-stranger                    node-a eth0 ══ eth0 node-b
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/lab/laboratory.h"
#include "bench/lab/mode.h"
#include "bench/lab/process.h"
#include "model/cluster.h"

namespace catflap::bench {

inline const std::string kNodeA = "node-a";
inline const std::string kNodeB = "node-b";

struct PodPlace {
    const char* name;
    const char* node;
    const char* address;
    const char* role;  // a label
};
inline constexpr PodPlace kServer{"server", "node-a", "10.1.0.1", "server"};
inline constexpr PodPlace kClient{"client", "node-a", "10.1.0.2", "client"};
inline constexpr PodPlace kStranger{"stranger", "node-a", "10.1.0.3", "stranger"};
inline constexpr PodPlace kFarClient{"far-client", "node-b", "10.2.0.2", "client"};
inline constexpr PodPlace kFarStranger{"far-stranger", "node-b", "10.2.0.3", "stranger"};
inline constexpr PodPlace kPods[] = {kServer, kClient, kStranger, kFarClient, kFarStranger};
inline const std::string kNamespace = "bench";

std::string parked_name(size_t index);
std::string parked_address(size_t index);

// Destination and source of a frame that node-b sends to node-a.
std::array<uint8_t, 12> wire_to_node_a();

class Site {
  public:
    // Nodes, server and the far pods; no agent yet.
    static Result<std::unique_ptr<Site>> build(const Laboratory& laboratory, const Mode& mode, size_t number);

    [[nodiscard]] const Mode& mode() const { return mode_; }
    [[nodiscard]] std::string netns(const std::string& place) const { return prefix_ + place; }
    [[nodiscard]] std::string netns(const PodPlace& pod) const { return netns(pod.name); }

    // The client and the stranger of node-a, once: a node with a single pod has none.
    Result<> add_near_pods();
    // Parked pods up to this number.
    Result<> park(size_t count);

    // An agent on each node, if the mode has one; returns when they answer.
    Result<> start_agents(const std::string& catflapd);
    // Returns when both enforce what the source holds. A refused object is a failure.
    Result<> settle() const;
    // Ends the agent of one node; what it enforces stays.
    void rest_agent(const std::string& node);
    // Ends the agents and forgets what they enforce.
    void stop_agents();
    [[nodiscard]] pid_t agent_pid(const std::string& node) const;
    [[nodiscard]] std::filesystem::path run_directory(const std::string& node) const;

    Result<> forget_connections() const;

  private:
    Site(const Laboratory& laboratory, Mode mode, size_t number);
    Result<> build_nodes();
    Result<> build_pod(const PodPlace& pod);
    Result<> install_kube_proxy_rules(const std::string& node) const;
    Result<> lay_floor();
    Result<> batch(const std::string& place, const std::string& commands) const;
    [[nodiscard]] Words agent_command(const std::string& catflapd, const std::string& node) const;

    const Laboratory& laboratory_;
    Mode mode_;
    std::string prefix_;
    std::string label_;  // of files
    size_t parked_ = 0;
    bool has_near_pods_ = false;
    std::vector<UniqueFd> floor_;
    std::vector<std::pair<std::string, Child>> agents_;
    std::string catflapd_;
};

}  // namespace catflap::bench
