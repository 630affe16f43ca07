// SPDX-License-Identifier: Apache-2.0
// catflap check: manifests as the agent would take them, without an agent.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "cli/command.h"
#include "cli/diagnostics.h"
#include "cli/manifests.h"
#include "compile/admission/forecast.h"
#include "resolve/order.h"
#include "resolve/out_of_reach.h"

namespace catflap::cli {
namespace {

using source::Diagnostic;

// One object may be refused for several fields; a refusal without an object stands for its file.
size_t refused_objects(const source::Catalog& catalog) {
    std::set<std::pair<std::string, std::string>> refused;
    for (const Diagnostic& refusal : catalog.refusals())
        refused.emplace(refusal.file, refusal.object);
    return refused.size();
}

Diagnostic of_object(const std::string& object, const std::string& message) {
    Diagnostic diagnostic;
    diagnostic.object = object;
    diagnostic.message = message;
    return diagnostic;
}

std::string key_of(const PolicyName& policy) {
    return policy.kind == PolicyKind::network_policy ? "NetworkPolicy " + to_string(policy) : to_string(policy);
}

// Pods that policies select, and that no agent can enforce them on.
void add_out_of_reach(std::vector<Diagnostic>& warnings, const Cluster& cluster) {
    resolve::OutOfReachPods pods("");
    pods.update(cluster, Changes::all());
    const resolve::OutOfReachList& list = pods.list(cluster);
    for (const auto& pod : list.pods)
        for (const PolicyName& policy : pod.policies)
            warnings.push_back(
                of_object(key_of(policy), fmt::format("selects pod {} on node {}, on which it is not enforced: {}",
                                                      to_string(pod.pod), pod.node, sentence_of(pod.why))));
    if (list.count > list.pods.size())
        warnings.push_back(of_object(
            "", fmt::format("{} more selected pods are out of reach of any agent", list.count - list.pods.size())));
}

void add_ties(std::vector<Diagnostic>& warnings, const Cluster& cluster) {
    std::vector<ObjectName> pods;
    for (const auto& [name, pod] : cluster.pods)
        pods.push_back(name);
    for (const resolve::Tie& tie : resolve::ties(cluster, pods))
        warnings.push_back(of_object(key_of(tie.first), to_string(tie)));
}

// What the agent would take, and then find too large.
void add_what_does_not_fit(const Cluster& cluster, std::vector<Diagnostic>& refusals) {
    std::set<std::string> said;  // once, whatever the number of nodes
    for (const compile::Forecast& one : compile::forecast(cluster, compile::Limits()))
        if (std::string object = to_string(one.refusal); said.insert(object).second)
            refusals.push_back(
                of_object(object, fmt::format("does not fit on {}: {}",
                                              one.node.empty() ? "a node" : "node " + one.node, one.refusal.reason)));
}

int report(const Session& session, const Manifests& manifests) {
    auto refusals = manifests.catalog().refusals();
    const size_t misfits_begin = refusals.size();
    add_what_does_not_fit(manifests.catalog().cluster(), refusals);
    const size_t misfits = refusals.size() - misfits_begin;
    auto warnings = manifests.catalog().warnings();
    add_out_of_reach(warnings, manifests.catalog().cluster());
    add_ties(warnings, manifests.catalog().cluster());
    const size_t refused = refused_objects(manifests.catalog());
    const size_t objects = manifests.objects_taken() + refused;
    const size_t refused_in_all = refused + misfits;
    const nlohmann::json data = {{"objects", objects}, {"refused", to_json(refusals)}, {"warnings", to_json(warnings)}};
    if (!session.print_as_data(data)) {
        print(session.streams.out, refusals);
        print(session.streams.out, warnings, "warning: ");
        session.streams.out << fmt::format("{} object{}, {} refused", objects, objects == 1 ? "" : "s", refused_in_all);
        if (!warnings.empty())
            session.streams.out << fmt::format(", {} warning{}", warnings.size(), warnings.size() == 1 ? "" : "s");
        session.streams.out << '\n';
    }
    return manifests.complete() && misfits == 0 ? kDone : kRefused;
}

}  // namespace

void add_check(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "check",
        "Reads manifests as the agent would and shows what it would refuse, by file, line, object and field.\n"
        "Needs neither an agent nor root; --run-dir is not used.");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("FILE", *files, "Manifests, directories of them, or - for the standard input")->required();
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap check policies/ pods.yaml\n"
        "  policies/web.yaml:12: NetworkPolicy shop/web: spec.ingress[0].ports[0].port: 70000 is not a port\n"
        "  3 objects, 1 refused\n"
        "Exits with 1 where anything is refused or cannot be read.");
    command->callback([files, &session] {
        Manifests manifests(session);
        for (const std::string& file : *files)
            manifests.take(file);
        manifests.publish();
        session.exit_code = report(session, manifests);
    });
}

}  // namespace catflap::cli
