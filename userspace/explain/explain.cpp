// SPDX-License-Identifier: Apache-2.0
#include "explain/explain.h"

#include <algorithm>

#include "explain/judge.h"
#include "explain/peers.h"
#include "explain/question.h"
#include "resolve/out_of_reach.h"

namespace catflap::explain {
namespace {

using report::EndVerdict;
using report::Path;

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kIcmpv6 = 58;

struct Ends {
    Address source;
    Address destination;
};

// A pair for each family that both sides have; of several addresses the first.
std::vector<Ends> pairs(const Parsed& question) {
    std::vector<Ends> result;
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const auto is_of = [&](const Address& address) { return address.family() == family; };
        const auto source = std::ranges::find_if(question.from.addresses, is_of);
        const auto destination = std::ranges::find_if(question.to.addresses, is_of);
        if (source != question.from.addresses.end() && destination != question.to.addresses.end())
            result.push_back({*source, *destination});
    }
    return result;
}

class Explainer {
  public:
    Explainer(const Cluster& cluster, const Parsed& question, const std::string& this_node)
        : cluster_(cluster), question_(question), this_node_(this_node) {}

    [[nodiscard]] Path path(const Ends& ends) const {
        Path path{to_string(ends.source), to_string(ends.destination)};
        const auto at_source = pods_at(cluster_, ends.source);
        const auto at_destination = pods_at(cluster_, ends.destination);
        const uint8_t protocol =
            question_.protocol == kIcmp && !ends.destination.is_ipv4() ? kIcmpv6 : question_.protocol;
        for (const Pod* pod : with_a_say(question_.from, at_source))
            path.ends.push_back(
                end({*pod, Direction::egress, ends.destination, at_destination, protocol, question_.port}));
        for (const Pod* pod : with_a_say(question_.to, at_destination))
            path.ends.push_back(
                is_own_node(*pod) ? from_own_node(*pod)
                                  : end({*pod, Direction::ingress, ends.source, at_source, protocol, question_.port}));
        path.allowed = std::ranges::all_of(path.ends, &EndVerdict::allowed);
        return path;
    }

  private:
    // Of a pod that was named its own policies, of an address those of whoever has it.
    static std::vector<const Pod*> with_a_say(const Place& place, const std::vector<const Pod*>& at_address) {
        if (place.pod != nullptr)
            return {place.pod};
        return place.is_host ? std::vector<const Pod*>{} : at_address;
    }

    [[nodiscard]] EndVerdict end(const Hop& hop) const {
        EndVerdict verdict = judge(cluster_, hop);
        add_notes(hop, verdict);
        return verdict;
    }

    // The node of the pod sends itself, or a pod that uses its network does.
    [[nodiscard]] bool is_own_node(const Pod& pod) const {
        const Pod* sender = question_.from.pod;
        return is_policed(pod) && (question_.from.is_host || (sender != nullptr && sender->host_network &&
                                                              !sender->node.empty() && sender->node == pod.node));
    }

    static EndVerdict from_own_node(const Pod& pod) {
        EndVerdict verdict{"Ingress", to_string(pod.name), pod.node};
        verdict.sentence = "what the pod's own node sends always passes";
        return verdict;
    }

    void add_notes(const Hop& hop, EndVerdict& verdict) const {
        if (!verdict.isolated_by.empty() && hop.local.node != this_node_)
            if (const auto why = resolve::out_of_reach(cluster_, hop.local))
                verdict.notes.push_back(fmt::format("{} node {}: {}",
                                                    *why == resolve::OutOfReach::virtual_node
                                                        ? "nobody enforces this on"
                                                        : "perhaps nobody enforces this on",
                                                    hop.local.node, sentence_of(*why)));
        for (const Pod* other : hop.remotes)
            if (hop.remotes.size() > 1)
                verdict.notes.push_back(
                    fmt::format("{} is an address of pod {}, too: what is admitted of one is of all",
                                to_string(hop.remote), to_string(other->name)));
        const auto node = cluster_.nodes.find(hop.local.node);
        if (hop.direction == Direction::ingress && verdict.ground != report::Ground::exempt &&
            node != cluster_.nodes.end() && std::ranges::count(node->second.addresses, hop.remote) > 0)
            verdict.notes.push_back(
                fmt::format("{} is an address of the pod's own node: this is about what the node forwards under it; "
                            "what it sends itself always passes (FROM host)",
                            to_string(hop.remote)));
    }

    const Cluster& cluster_;
    const Parsed& question_;
    const std::string& this_node_;
};

// What a node does with such a packet depends on its kube-proxy.
void note_node_ports(const Cluster& cluster, const Path& path, const Parsed& question,
                     std::vector<std::string>& notes) {
    const auto address = parse_address(path.destination);
    for (const auto& [name, node] : cluster.nodes) {
        if (!address || question.port == 0 || std::ranges::count(node.addresses, *address) == 0)
            continue;
        notes.push_back(
            fmt::format("{} is an address of node {}: where {} is a node port or host port there, the node leads it to "
                        "a pod, and this does not apply",
                        path.destination, name, port_in_words(question.protocol, question.port)));
        return;
    }
}

}  // namespace

Result<report::Explanation> explain(const Cluster& cluster, const report::Question& question,
                                    const std::string& this_node) {
    const auto parsed = parse(cluster, question);
    if (!parsed)
        return tl::unexpected(parsed.error());
    report::Explanation explanation{question.from, question.to, "ICMP", parsed->port};
    if (parsed->protocol != kIcmp)
        explanation.protocol = to_string(static_cast<Protocol>(parsed->protocol));
    const Explainer explainer(cluster, *parsed, this_node);
    for (const Ends& ends : pairs(*parsed)) {
        explanation.paths.push_back(explainer.path(ends));
        note_node_ports(cluster, explanation.paths.back(), *parsed, explanation.notes);
    }
    if (explanation.paths.empty())
        return fail("{} and {} have no addresses of the same family (IPv4, IPv6)", question.from, question.to);
    explanation.allowed = std::ranges::all_of(explanation.paths, &Path::allowed);
    if (std::ranges::all_of(explanation.paths, [](const Path& path) { return path.ends.empty(); }))
        explanation.notes.emplace_back("neither end is a pod, so no policy has a say");
    return explanation;
}

}  // namespace catflap::explain
