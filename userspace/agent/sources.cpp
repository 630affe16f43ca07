// SPDX-License-Identifier: Apache-2.0
#include "agent/sources.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "source/api/api_source.h"
#include "source/directory/directory.h"

namespace catflap::agent {
namespace {

bool is_cluster(const Options& options) {
    return options.in_cluster || !options.kubeconfig.empty();
}

Result<source::Access> access_of(const Options& options) {
    auto access = options.in_cluster ? source::in_cluster_access(options.api_server)
                                     : source::kubeconfig_access(options.kubeconfig, options.context);
    if (!access || options.api_server.empty())
        return access;
    auto server = source::check_server(options.api_server);
    if (!server)
        return fail_because(server.error(), "--api-server");
    access->server = std::move(*server);
    return access;
}

Result<std::unique_ptr<source::Source>> open_cluster(const Options& options) {
    auto access = access_of(options);
    if (!access)
        return tl::unexpected(access.error());
    if (access->unverified)
        spdlog::warn("insecure-skip-tls-verify: whoever answers at {} decides what this node enforces", access->server);
    auto opened = source::ApiSource::open({.access = std::move(*access),
                                           .node = options.without_pods ? "" : options.node,
                                           .cache = options.run_dir / kCacheName,
                                           .lease = {.node = options.node,
                                                     .ns = options.lease_namespace,
                                                     .duration = std::chrono::seconds(options.lease_seconds)}});
    if (!opened)
        return tl::unexpected(opened.error());
    return std::unique_ptr<source::Source>(std::move(*opened));
}

}  // namespace

SourceName name_of_source(const Options& options, const source::Source* source) {
    if (!is_cluster(options))
        return {"directory", options.source_dir.string()};
    constexpr std::string_view kKind = "cluster ";
    return {"cluster", source == nullptr ? options.api_server : source->describe().substr(kKind.size())};
}

const char* wrong_source(const Options& options) {
    const std::array chosen = {!options.source_dir.empty(), options.in_cluster, !options.kubeconfig.empty()};
    const auto count = std::ranges::count(chosen, true);
    if (count == 0)
        return "no source: give --in-cluster or --kubeconfig FILE (the Kubernetes API), or --source DIR (a directory of "
               "manifests)";
    if (count > 1)
        return "--source, --in-cluster and --kubeconfig: choose one of them";
    if (!options.context.empty() && options.kubeconfig.empty())
        return "--context needs --kubeconfig FILE, in which it is";
    if (!options.api_server.empty() && !is_cluster(options))
        return "--api-server needs --in-cluster or --kubeconfig";
    if (options.lease_seconds != 0 && (options.lease_seconds < 3 || options.lease_seconds > 3600))
        return "--lease-seconds: 3 to 3600, or 0 for no Lease";
    return nullptr;
}

Result<std::unique_ptr<source::Source>> open_source(const Options& options) {
    if (is_cluster(options))
        return open_cluster(options);
    auto opened = source::Directory::open(
        options.source_dir, {.node = options.without_pods ? "" : options.node, .cache = options.run_dir / kCacheName});
    if (!opened)
        return tl::unexpected(opened.error());
    return std::unique_ptr<source::Source>(std::make_unique<source::Directory>(std::move(*opened)));
}

}  // namespace catflap::agent
