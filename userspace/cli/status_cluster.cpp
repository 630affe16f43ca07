// SPDX-License-Identifier: Apache-2.0
// catflap status --cluster: which nodes have a living agent, read from the Kubernetes API. It asks no agent.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/cluster_nodes.h"
#include "cli/command.h"
#include "cli/duration.h"
#include "cli/render.h"
#include "source/api/list_reader.h"
#include "source/catalog/catalog.h"

namespace catflap::cli {

struct ClusterOptions {
    bool asked = false;
    std::filesystem::path kubeconfig;
    std::string context;
    bool in_cluster = false;
    std::string lease_namespace = source::kLeaseNamespace;
    const CLI::Option* timeout = nullptr;  // of the command, whose default is for an agent
};

namespace {

using nlohmann::json;

// An API server answers within seconds, an agent within milliseconds.
constexpr std::chrono::seconds kServerPatience{30};
// On a page for people; -o wide and -o json have all.
constexpr size_t kPodsOfANode = 10;
constexpr size_t kProblems = 50;

// As kubectl finds it; of several files in KUBECONFIG the first that is there.
Result<std::filesystem::path> usual_kubeconfig() {
    const char* named = std::getenv("KUBECONFIG");
    const char* home = std::getenv("HOME");
    std::string files = named != nullptr && *named != '\0' ? named
                        : home != nullptr                  ? std::string(home) + "/.kube/config"
                                                           : "";
    const std::string all = files;
    while (!files.empty()) {
        const std::string file = files.substr(0, files.find(':'));
        files.erase(0, file.size() + 1);
        std::error_code error;
        if (!file.empty() && std::filesystem::exists(file, error))
            return std::filesystem::path(file);
    }
    return fail("there is no kubeconfig ({}): give --kubeconfig FILE, or --in-cluster in a pod", all);
}

Result<source::Access> access_to(const ClusterOptions& options) {
    if (options.in_cluster)
        return source::in_cluster_access("");
    if (!options.kubeconfig.empty())
        return source::kubeconfig_access(options.kubeconfig, options.context);
    const auto usual = usual_kubeconfig();
    return usual ? source::kubeconfig_access(*usual, options.context)
                 : Result<source::Access>(tl::unexpected(usual.error()));
}

std::string os_of(const json& node) {
    const json::json_pointer os("/metadata/labels/kubernetes.io~1os");
    return node.contains(os) && node[os].is_string() ? node[os].get<std::string>() : "linux";
}

// What the API holds, as far as it matters here.
struct Read {
    source::Catalog catalog;
    std::vector<source::Lease> leases;
    std::map<std::string, std::string> other_os;

    Result<> read(source::ListReader& reader, const std::string& lease_namespace);
};

// What cannot be read of a Lease is none: its node is without one then.
Result<> Read::read(source::ListReader& reader, const std::string& lease_namespace) {
    const source::ApiKind kind{"Lease", "coordination.k8s.io/v1", source::kLeaseResource};
    auto done = reader.read(kind, source::leases_path(lease_namespace), source::kLeaseSelector,
                            [this](std::string_view text) -> Result<> {
                                if (auto lease = source::decode_lease(text))
                                    leases.push_back(std::move(*lease));
                                return {};
                            });
    if (!done)
        return done;
    const source::ListReader::Take note_os = [this](std::string_view text) -> Result<> {
        const json node = json::parse(text, nullptr, /*allow_exceptions=*/false);
        if (const std::string os = os_of(node); os != "linux")
            other_os[node.value(json::json_pointer("/metadata/name"), "")] = os;
        return {};
    };
    for (const source::Resource& resource : source::resources()) {
        if (resource.kind == "Service" || resource.kind == "EndpointSlice")
            continue;
        auto list = reader.read(resource, resource.kind == "Node" ? note_os : source::ListReader::Take());
        if (!list)
            return tl::unexpected(list.error());
        catalog.take(std::string(resource.plural), std::move(*list));
    }
    catalog.publish();
    return {};
}

const std::vector<Column>& columns() {
    static const std::vector<Column> kColumns = {{"NODE", "node"},
                                                 {"AGENT", "version"},
                                                 {"MODE", "mode"},
                                                 {"STATE", "state", Cell::state},
                                                 {"LAST-SEEN", "lastSeenSeconds", Cell::seconds},
                                                 {"PODS", "pods", Cell::count},
                                                 {"SELECTED", "selectedPods", Cell::count},
                                                 {"UNATTENDED", "unattendedPods", Cell::count}};
    return kColumns;
}

class ClusterPage {
  public:
    ClusterPage(const json& status, const Session& session)
        : status_(status), session_(session), whole_(session.format() == Format::wide) {}

    void print() {
        session_.streams.out << render_table(
            columns(), status_.at("nodes"),
            {.wide = whole_, .colours = session_.streams.colours, .width = session_.streams.width});
        print_unattended();
        if (!status_.at("problems").empty())
            title(Colour::red, fmt::format("not in order ({})", status_.at("problems").size()));
        print_problems();
    }
    void print_problems() {
        const auto problems = status_.at("problems").get<std::vector<std::string>>();
        const size_t shown = whole_ ? problems.size() : std::min(problems.size(), kProblems);
        for (size_t i = 0; i < shown; ++i)
            session_.streams.out << printable(problems[i]) << '\n';
        more(problems.size() - shown, "");
    }

  private:
    void title(Colour colour, const std::string& words) {
        session_.streams.out << '\n' << paint(colour, words, session_.streams.colours) << '\n';
    }
    void more(size_t count, const char* indent) {
        if (count > 0)
            session_.streams.out << fmt::format("{}… and {} more (-o wide shows all)\n", indent, count);
    }
    void print_unattended() {
        std::map<std::string, std::vector<const json*>> by_node;
        for (const json& pod : status_.at("unattended"))
            by_node[pod.at("node")].push_back(&pod);
        if (!by_node.empty())
            title(Colour::yellow,
                  fmt::format("selected by a policy, and without a living agent ({})",
                              counted(static_cast<double>(status_.at("unattended").size()), "pod", "pods")));
        for (const auto& [node, pods] : by_node) {
            session_.streams.out << printable(node) << '\n';
            const size_t shown = whole_ ? pods.size() : std::min(pods.size(), kPodsOfANode);
            for (size_t i = 0; i < shown; ++i)
                session_.streams.out << printable(fmt::format(
                                            "  {}/{}: selected by {}", pods[i]->value("namespace", ""),
                                            pods[i]->value("pod", ""),
                                            fmt::join(pods[i]->value("policies", std::vector<std::string>{}), ", ")))
                                     << '\n';
            more(pods.size() - shown, "  ");
        }
    }

    const json& status_;
    const Session& session_;
    bool whole_;
};

}  // namespace

std::shared_ptr<ClusterOptions> add_cluster_options(CLI::App& status) {
    auto options = std::make_shared<ClusterOptions>();
    options->timeout = status.get_option("--timeout");
    auto* cluster =
        status.add_flag("--cluster", options->asked,
                        "Which nodes of the cluster have a living agent, and which pods have none; read from "
                        "the Kubernetes API, without root and without an agent here");
    auto* kubeconfig = status
                           .add_option("--kubeconfig", options->kubeconfig,
                                       "The kubeconfig for --cluster; default: $KUBECONFIG, then ~/.kube/config")
                           ->type_name("FILE")
                           ->needs(cluster);
    status.add_option("--context", options->context, "A context of the kubeconfig; default: its current one")
        ->type_name("NAME")
        ->needs(cluster);
    status
        .add_flag("--in-cluster", options->in_cluster,
                  "For --cluster, by the service account of the pod that this runs in")
        ->needs(cluster)
        ->excludes(kubeconfig);
    status.add_option("--lease-namespace", options->lease_namespace, "Where the agents hold their Leases")
        ->capture_default_str()
        ->type_name("NAMESPACE")
        ->needs(cluster);
    return options;
}

bool is_asked(const ClusterOptions& options) {
    return options.asked;
}

int status_cluster(const Session& session, const ClusterOptions& options, bool only_check) {
    const auto patience = options.timeout->count() > 0 ? session.patience() : kServerPatience;
    const auto access = access_to(options);
    auto reader = access ? source::ListReader::open(*access, patience)
                         : Result<std::unique_ptr<source::ListReader>>(tl::unexpected(access.error()));
    Read read;
    const Result<> done = reader ? read.read(**reader, options.lease_namespace) : tl::unexpected(reader.error());
    if (!done) {
        session.complain(done.error().message);
        return kNoAccess;
    }
    const json status = to_json({.cluster = read.catalog.cluster(),
                                 .leases = std::move(read.leases),
                                 .other_os = std::move(read.other_os),
                                 .lease_namespace = options.lease_namespace,
                                 .now = std::chrono::system_clock::now()});
    if (only_check && !session.print_as_data({{"problems", status.at("problems")}}))
        ClusterPage(status, session).print_problems();
    else if (!only_check && !session.print_as_data(status))
        ClusterPage(status, session).print();
    return status.at("problems").empty() ? kDone : kRefused;
}

}  // namespace catflap::cli
