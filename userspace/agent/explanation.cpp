// SPDX-License-Identifier: Apache-2.0
#include "agent/explanation.h"

#include <algorithm>

#include "agent/facts.h"
#include "explain/explain.h"

namespace catflap::agent {
namespace {

using report::EndVerdict;
using report::Explanation;
using report::Path;

uint8_t protocol_number(const Explanation& explanation, const Path& path) {
    for (const Protocol one : {Protocol::tcp, Protocol::udp, Protocol::sctp})
        if (to_string(one) == explanation.protocol)
            return static_cast<uint8_t>(one);
    return path.destination.find(':') == std::string::npos ? 1 : 58;  // ICMP, ICMPv6
}

const compile::EndpointSpec* endpoint_of(const AgentState& state, const std::string& pod) {
    const auto& endpoints = state.local.endpoints;
    const auto found = std::ranges::find_if(endpoints, [&](const compile::EndpointSpec& endpoint) {
        return endpoint.pod && to_string(*endpoint.pod) == pod;
    });
    return found == endpoints.end() ? nullptr : &*found;
}

const compile::Refusal* not_admitted(const AgentState& state, const std::string& kind, const std::string& name) {
    const auto found = std::ranges::find_if(state.not_admitted, [&](const compile::Refusal& one) {
        return one.kind == kind && to_string(one.object) == name;
    });
    return found == state.not_admitted.end() ? nullptr : &*found;
}

// A pod of this node on whose interface its verdict is not carried out.
void add_missing_interface(const AgentState& state, EndVerdict& end) {
    if (const compile::Refusal* refusal = not_admitted(state, "Pod", end.pod)) {
        end.allowed = false;
        end.ground = report::Ground::closed;
        end.sentence = "its interface is closed, as the pod does not fit on this node: " + refusal->reason;
        return;
    }
    std::string reason = "no interface here is known to be the pod's";
    for (const Unenforced& pod : state.local.unenforced)
        if (to_string(pod.pod) == end.pod)
            reason = pod.reason;
    end.notes.push_back("nothing is enforced on it: " + reason);
}

void compare_with_tables(const AgentState& state, const compile::EndpointSpec& endpoint, const Explanation& explanation,
                         const Path& path, EndVerdict& end) {
    const bool egress = end.direction == resolve::to_string(resolve::Direction::egress);
    const auto remote = parse_address(egress ? path.destination : path.source);
    if (!remote)
        return;
    end.tables =
        state.engine->admits(endpoint.ifindex, egress ? resolve::Direction::egress : resolve::Direction::ingress,
                             *remote, protocol_number(explanation, path), explanation.port);
    if (end.tables && *end.tables != end.allowed)
        end.notes.push_back(fmt::format(
            "the tables that are loaded say otherwise: {}. If they still do after `catflap settle`, this is a defect of "
            "catflap: please report it",
            *end.tables ? "allowed" : "dropped"));
}

void add_policies(const AgentState& state, EndVerdict& end) {
    for (const compile::Refusal& refusal : state.not_admitted)
        if (end.decided_by && to_string(refusal) == end.decided_by->policy)
            end.notes.push_back(fmt::format("{} does not fit on this node, and denies everything: {}",
                                            end.decided_by->policy, refusal.reason));
    for (const std::string& policy : end.isolated_by) {
        const std::string object = "NetworkPolicy " + policy;
        const bool refused = std::ranges::any_of(
            state.source->refusals(), [&](const source::Diagnostic& refusal) { return refusal.object == object; });
        if (refused && outcome_of(state, object) == report::Outcome::last_good)
            end.notes.push_back(policy + ": its present version was refused, and its last good version is in force");
        if (const compile::Refusal* refusal = not_admitted(state, "NetworkPolicy", policy))
            end.notes.push_back(
                fmt::format("{} does not fit on this node, and isolates without rules: {}", policy, refusal->reason));
    }
}

// The end of another node's pod. Where no agent can run, that is said already.
void add_other_node(const Cluster& in_force, EndVerdict& end) {
    const auto node = in_force.nodes.find(end.node);
    if (end.node.empty())
        end.notes.emplace_back("it is not scheduled on a node yet");
    else if (node != in_force.nodes.end() && !node->second.is_virtual)
        end.notes.push_back(
            fmt::format("the agent of node {} enforces this; what it has loaded is not known here", end.node));
}

void add_own_node(const AgentState& state, const Explanation& explanation, const Path& path, EndVerdict& end) {
    const compile::EndpointSpec* endpoint = endpoint_of(state, end.pod);
    if (endpoint == nullptr) {
        add_missing_interface(state, end);
        return;
    }
    if (const auto error = state.attach_errors.find(endpoint->interface); error != state.attach_errors.end())
        end.notes.push_back(fmt::format("its interface {} is not attached, its packets are not judged: {}",
                                        endpoint->interface, error->second));
    compare_with_tables(state, *endpoint, explanation, path, end);
}

void add_notes(const AgentState& state, std::vector<std::string>& notes) {
    if (state.options.mode == engine::Mode::audit)
        notes.emplace_back("mode audit: drops are counted, and nothing is dropped on this node");
    if (state.options.mode == engine::Mode::iptables && !state.source->cluster().cluster_policies.empty())
        notes.emplace_back(
            "mode iptables does not enforce policies of the cluster, though this verdict takes account of them");
    if (!state.source_error.empty())
        notes.push_back("the source is stale, its last contents are in force: " + state.source_error);
    if (!state.commit_error.empty())
        notes.push_back("what the source holds is not in force as a whole: " + state.commit_error);
}

}  // namespace

Result<Explanation> explain(const AgentState& state, const Cluster& in_force, const report::Question& question) {
    auto explanation = explain::explain(in_force, question, state.options.node);
    if (!explanation) {
        for (const std::string& pod : {question.from, question.to})
            if (const compile::Refusal* refusal = not_admitted(state, "Pod", pod))
                return fail("pod {} does not fit on this node: {}", pod, refusal->reason);
        return explanation;
    }
    for (Path& path : explanation->paths) {
        for (EndVerdict& end : path.ends) {
            if (end.ground == report::Ground::exempt)
                continue;
            add_policies(state, end);
            if (end.node == state.options.node)
                add_own_node(state, *explanation, path, end);
            else
                add_other_node(in_force, end);
        }
        path.allowed = std::ranges::all_of(path.ends, &EndVerdict::allowed);
    }
    explanation->allowed = std::ranges::all_of(explanation->paths, &Path::allowed);
    add_notes(state, explanation->notes);
    return explanation;
}

}  // namespace catflap::agent
