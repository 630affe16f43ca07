// SPDX-License-Identifier: Apache-2.0
// One node with an agent whose loop a test turns: real links, a real source, and an engine that does what the test
// says. Each has a network namespace of its own.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "support/agent/source_site.h"
#include "support/engine/fake_engine.h"
#include "support/kernel/private_network.h"

namespace catflap::test {

inline std::string a_pod(const std::string& name, const std::string& address, const std::string& node = "n1",
                         const std::string& labels = "{}") {
    return fmt::format(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {0}, namespace: app, labels: {3}}}\n"
        "spec: {{nodeName: {2}, containers: [{{name: c}}]}}\nstatus: {{phase: Running, podIP: {1}}}\n",
        name, address, node, labels);
}

// Isolates all pods, and has so many rules of one port each.
inline std::string a_policy(const std::string& name, int rules = 0) {
    std::string text = fmt::format(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {}, namespace: app}}\n"
        "spec:\n  podSelector: {{}}\n  policyTypes: [Ingress]\n",
        name);
    if (rules > 0)
        text += "  ingress:\n";
    for (int port = 1; port <= rules; ++port)
        text += fmt::format("  - ports: [{{port: {}}}]\n", port);
    return text;
}

// One node with the pods app/a and app/b on cali1 and cali2, and an agent that has not begun.
class AgentSite {
  public:
    static std::unique_ptr<AgentSite> make() {
        auto network = PrivateNetwork::make();
        return network ? std::unique_ptr<AgentSite>(new AgentSite(std::move(*network))) : nullptr;
    }
    // With an agent that enforces.
    static std::unique_ptr<AgentSite> enforcing() {
        auto site = make();
        if (site) {
            site->begin();
            REQUIRE(site->enforces());
        }
        return site;
    }
    ~AgentSite() { agent_.reset(); }
    AgentSite(const AgentSite&) = delete;
    AgentSite& operator=(const AgentSite&) = delete;

    void begin() {
        auto agent = agent::Agent::open(
            options_, [this]() -> Result<agent::Options> { return options_; }, engines_);
        REQUIRE_MESSAGE(agent, agent.error().message);
        agent_ = std::move(*agent);
    }
    // Rounds of the loop until it holds. False: not within so long.
    bool reaches(const std::function<bool()>& holds, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
        using Clock = std::chrono::steady_clock;
        for (const auto end = Clock::now() + patience; Clock::now() < end;) {
            if (holds())
                return true;
            const auto more = agent_->step(std::chrono::milliseconds(10));
            REQUIRE_MESSAGE(more, more.error().message);
            REQUIRE(*more);  // else somebody has told the process to stop
        }
        return holds();
    }
    bool enforces() {
        return reaches([&] { return agent_->state().enforcing; });
    }
    // As a client of the control socket asks for it.
    Result<report::Settled> settles() { return agent_->settle(std::nullopt); }
    Result<report::Verified> verify(std::optional<uint64_t> question, bool repair) {
        return agent_->verify(question, repair);
    }
    [[nodiscard]] const agent::AgentState& state() const { return agent_->state(); }
    [[nodiscard]] report::Status status() const { return agent_->status(); }
    [[nodiscard]] report::Explanation explain(const report::Question& question) const {
        auto explanation = agent_->explain(question);
        REQUIRE_MESSAGE(explanation, explanation.error().message);
        return *explanation;
    }
    // Before begin().
    agent::Options& options() { return options_; }

    FakeKernel kernel;
    SourceSite source;

  private:
    explicit AgentSite(PrivateNetwork network) : network_(std::move(network)) {
        for (const char* name : {"cali1", "cali2"})
            PrivateNetwork::add_veth(name);
        PrivateNetwork::ip("route add 10.0.0.1/32 dev cali1 scope link\nroute add 10.0.0.2/32 dev cali2 scope link\n");
        source.put("pods.yaml", a_pod("a", "10.0.0.1") + a_pod("b", "10.0.0.2"));
        options_.source_dir = source.directory();
        options_.node = "n1";
        options_.run_dir = run_.directory() / "run";
        options_.pin_dir = run_.directory() / "pins";
        options_.mode = agent::Mode::iptables;   // needs no bpffs
        options_.guard = agent::GuardWish::off;  // and no nftables
    }

    PrivateNetwork network_;
    SourceSite run_;
    agent::Options options_;
    FakeEngines engines_{kernel};
    std::unique_ptr<agent::Agent> agent_;
};

using Pods = std::map<std::string, std::string>;
inline const Pods kBoth = {{"cali1", "app/a"}, {"cali2", "app/b"}};

}  // namespace catflap::test
