// SPDX-License-Identifier: Apache-2.0
// The gates of the fast path between pods, of this node and across nodes, kept as the node's state allows.
#include <spdlog/spdlog.h>

#include <cstring>
#include <fstream>

#include "agent/agent.h"

namespace catflap::agent {
namespace {

using engine::FastPathWish;
constexpr const char* kLiberal = "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal";

std::string read_liberal() {
    std::string value;
    std::ifstream(kLiberal) >> value;
    return value;
}

// Why there is none at all; "": there is one.
std::string has_none(const AgentState& state) {
    if (state.options.fast_path == FastPathWish::off)
        return "--fast-path off";
    if (state.engine->redirects())
        return "";
    return state.options.mode == Mode::ebpf ? "it needs kernel 6.2 without PREEMPT_RT, and not --established=keep"
                                            : fmt::format("mode {} has none", to_string(state.options.mode));
}

}  // namespace

// Not restored: whoever set it too, such as kube-proxy, would find it changed behind his back.
void Agent::make_conntrack_liberal() {
    if (state_.options.fast_path != FastPathWish::on || fast_path_watch_.made_liberal || read_liberal() != "0")
        return;
    fast_path_watch_.made_liberal = true;
    std::ofstream file(kLiberal);
    file << "1" << std::flush;
    if (file)
        spdlog::info("net.netfilter.nf_conntrack_tcp_be_liberal is set to 1 (--fast-path on)");
    else
        spdlog::warn(
            "net.netfilter.nf_conntrack_tcp_be_liberal cannot be set to 1: {}; only UDP takes the fast path between "
            "pods, until somebody sets it",
            std::strerror(errno));
}

// A sentence; "": none are in the way.
std::string Agent::rules_in_the_way() {
    if (!fast_path_watch_.survey) {
        auto started = RulesSurvey::start();
        if (!started)
            return started.error().message;
        fast_path_watch_.survey = std::move(*started);
        watch_rules();
    }
    auto findings = fast_path_watch_.survey->findings();
    fast_path_watch_.rules_are_read = findings.has_value();
    if (state_.options.fast_path == FastPathWish::on) {
        for (const std::string& one : findings.value_or(std::vector<std::string>()))
            if (fast_path_watch_.ignored_rules.insert(one).second)
                spdlog::warn("{}; packets of flows between pods of this node go past it (--fast-path on)", one);
        return "";
    }
    if (!findings)
        return "the rules of others are not read yet, or cannot be read in ten seconds";
    return findings->empty() ? "" : findings->front();
}

// What others have at the interfaces tells nobody when it changes.
Result<> Agent::look_at_hooks(const std::set<uint32_t>& interfaces, const std::set<uint32_t>& uplinks) {
    const auto now = Clock::now();
    if (std::pair(interfaces, uplinks) == fast_path_watch_.looked_at && now < fast_path_watch_.look_at_hooks_at)
        return {};
    auto others = state_.engine->others_at(interfaces, uplinks);
    if (!others)
        return tl::unexpected(others.error());
    fast_path_watch_.others_at = std::move(*others);
    fast_path_watch_.looked_at = {interfaces, uplinks};
    fast_path_watch_.look_at_hooks_at = now + std::chrono::milliseconds(900);
    return {};
}

FastPath Agent::survey_fast_path() {
    FastPathNode node{has_none(state_), ""};
    std::vector<FastPathEndpoint> endpoints;
    std::set<uint32_t> interfaces;
    std::set<uint32_t> uplink_indexes;
    std::vector<FastPathUplink> uplinks;
    for (const compile::EndpointSpec& endpoint : state_.local.endpoints) {
        if (!endpoint.pod)
            continue;
        endpoints.push_back(
            {endpoint.ifindex, state_.engine->attached(endpoint.ifindex), state_.links->facts(endpoint.ifindex), ""});
        interfaces.insert(endpoint.ifindex);
    }
    for (const auto& [ifindex, name] : state_.links->uplinks()) {
        uplinks.push_back({ifindex, name, state_.links->uplink_mtu_bytes(ifindex), state_.engine->refuses_uplinks()});
        if (uplinks.back().others.empty())
            uplink_indexes.insert(ifindex);
    }
    if (node.off.empty()) {
        make_conntrack_liberal();
        node.udp_only = refusal_of_liberal(read_liberal());
        node.off = rules_in_the_way();
        if (const auto looked = look_at_hooks(interfaces, uplink_indexes); !looked && node.off.empty())
            node.off = looked.error().message;
    }
    for (FastPathEndpoint& endpoint : endpoints)
        if (const auto others = fast_path_watch_.others_at.find(endpoint.ifindex);
            others != fast_path_watch_.others_at.end())
            endpoint.others = others->second;
    for (FastPathUplink& uplink : uplinks)
        if (const auto others = fast_path_watch_.others_at.find(uplink.ifindex);
            others != fast_path_watch_.others_at.end() && uplink.others.empty())
            uplink.others = others->second;
    return decide_fast_path(node, endpoints, uplinks);
}

// Once a second, and when something has changed that it depends on.
void Agent::renew_fast_path() {
    fast_path_watch_.due = false;
    if (!state_.enforcing || !state_.engine)
        return;
    state_.fast_path = survey_fast_path();
    for (auto& [ifindex, sentence] : state_.engine->set_gates(state_.fast_path.gates, state_.fast_path.uplinks)) {
        state_.fast_path.uplinks.erase(ifindex);
        state_.fast_path.refused_uplinks[ifindex] = std::move(sentence);
    }
    const FastPathNode& node = state_.fast_path.node;
    const std::string words = !node.off.empty()
                                  ? "off: " + node.off
                                  : (!node.udp_only.empty() ? "UDP only: " + node.udp_only : "TCP and UDP") +
                                        report::words_of(uplink_rows(state_.fast_path));
    if (fast_path_watch_.rules_are_read && std::exchange(fast_path_watch_.told, words) != words)
        spdlog::info("fast path between pods: {}", words);
}

}  // namespace catflap::agent
