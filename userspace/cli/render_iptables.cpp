// SPDX-License-Identifier: Apache-2.0
// catflap render iptables: what iptables mode writes for a node, as input for iptables-restore and ipset restore.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <set>

#include "cli/command.h"
#include "cli/diagnostics.h"
#include "cli/manifests.h"
#include "iptables/apply/delta.h"

namespace catflap::cli {
namespace {

struct Request {
    std::vector<std::string> files;
    std::string node;
    int family = 0;  // 4, 6; 0: both
    bool as_in_2019 = false;
};

// The nodes that pods of the cluster are on.
std::set<std::string> nodes_of(const Cluster& cluster) {
    std::set<std::string> nodes;
    for (const auto& [name, pod] : cluster.pods)
        if (is_policed(pod) && !pod.node.empty())
            nodes.insert(pod.node);
    return nodes;
}

// Every pod that hangs on a veth of the node, by the name that Calico gives that veth.
std::vector<iptables::Endpoint> endpoints_of(const Cluster& cluster, const std::string& node) {
    std::vector<iptables::Endpoint> endpoints;
    for (const auto& [name, pod] : cluster.pods)
        if (is_policed(pod) && pod.node == node)
            endpoints.push_back({calico_interface_name(name), name});
    return endpoints;
}

void print_section(std::ostream& out, std::string_view title, std::string_view text) {
    if (!text.empty())
        out << "# " << title << '\n' << text << '\n';
}

int render(const Session& session, Request request) {
    Manifests manifests(session);
    for (const std::string& file : request.files)
        manifests.take(file);
    manifests.publish();
    cli::print(session.streams.err, manifests.catalog().refusals());
    const Cluster& cluster = manifests.catalog().cluster();
    const auto nodes = nodes_of(cluster);
    if (request.node.empty() && nodes.size() == 1)
        request.node = *nodes.begin();
    if (request.node.empty()) {
        session.complain("--node is required: the manifests have pods on " +
                         (nodes.empty() ? std::string("no node") : fmt::format("{}", fmt::join(nodes, ", "))));
        return kUsage;
    }
    for (const auto& [name, policy] : cluster.cluster_policies)
        session.complain(
            fmt::format("{}: not rendered, iptables mode has no chains for policies of the cluster", to_string(name)));
    iptables::RenderOptions options;
    options.drop_encapsulation = !request.as_in_2019;
    if (request.family != 0)
        options.families = {request.family == 4 ? Family::ipv4 : Family::ipv6};
    const iptables::State state = iptables::render(cluster, endpoints_of(cluster, request.node), options);
    const iptables::Plan plan = iptables::make_plan({}, state);
    std::ostream& out = session.streams.out;
    print_section(out, "ipset restore", plan.sets_before);
    print_section(out, "iptables-restore --noflush", plan.rules[static_cast<size_t>(Family::ipv4)]);
    print_section(out, "ip6tables-restore --noflush", plan.rules[static_cast<size_t>(Family::ipv6)]);
    return manifests.complete() && cluster.cluster_policies.empty() ? kDone : kRefused;
}

}  // namespace

void add_render(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand("render", "Shows the same policies in another engine's terms.");
    command->require_subcommand(1);
    auto* iptables_command = command->add_subcommand(
        "iptables",
        "Prints what `catflapd --mode iptables` writes for a node's pods: sets, then the chains of each family.\n"
        "Needs neither an agent nor root; interfaces have the names that Calico gives them.");
    auto request = std::make_shared<Request>();
    iptables_command->add_option("FILE", request->files, "Manifests, directories of them, or - for the standard input")
        ->required();
    iptables_command
        ->add_option("--node", request->node, "The node whose pods are local (default: the only one that has pods)")
        ->type_name("NAME");
    iptables_command->add_option("--family", request->family, "4 or 6 (default: both)")
        ->check(CLI::IsMember(std::set<int>{4, 6}))
        ->type_name("FAMILY");
    iptables_command->add_flag("--no-encapsulation-rules", request->as_in_2019,
                               "Without the rules against IPIP and VXLAN from pods, as older agents wrote it");
    iptables_command->footer(
        "Example:\n"
        "  $ catflap render iptables --node node-1 --family 4 cluster.yaml policies/ | grep cali-pi-\n"
        "Exits with 1 where anything is refused or cannot be read; the rest is rendered.");
    iptables_command->callback([request, &session] { session.exit_code = render(session, *request); });
}

}  // namespace catflap::cli
