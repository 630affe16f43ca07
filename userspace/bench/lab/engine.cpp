// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/engine.h"

#include "bench/lab/process.h"
#include "bench/lab/site.h"
#include "resolve/frontends.h"
#include "resolve/resolve.h"

namespace catflap::bench {

Result<source::Directory> read_source(const Laboratory& laboratory, const std::string& name, const Scale& scale) {
    const auto directory = laboratory.directory() / ("source-" + name);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    for (const auto& [file, text] : manifests_of(scale))
        if (auto done = replace_text(directory / file, text); !done)
            return tl::unexpected(done.error());
    auto source = source::Directory::open(directory);
    if (source && !source->refusals().empty())
        return fail("a manifest of the benchmark is refused: {}", to_string(source->refusals().front()));
    return source;
}

Result<std::unique_ptr<Engine>> Engine::open(const Laboratory& laboratory, const std::string& name) {
    auto engine = std::make_unique<Engine>();
    kernel::DatapathOptions options;
    options.pin_dir = laboratory.pins() / name;
    options.capacity = {8192, 32768};  // an agent would load it anew until it fits
    auto datapath = kernel::Datapath::open(options);
    if (!datapath)
        return tl::unexpected(datapath.error());
    engine->datapath_ = std::move(*datapath);
    engine->committer_ = std::make_unique<compile::Committer>(engine->datapath_->store(),
                                                              compile::Limits(engine->datapath_->capacity()));
    return engine;
}

Result<> Engine::enforce(const Cluster& cluster) {
    std::vector<compile::EndpointSpec> endpoints;
    std::vector<ObjectName> pods;
    for (const auto& [name, pod] : cluster.pods) {
        if (pod.node != kNodeA)
            continue;
        compile::EndpointSpec spec;
        spec.ifindex = name.name == kServer.name ? 1 : static_cast<uint32_t>(1000 + endpoints.size());
        spec.interface = calico_interface_name(name);
        spec.pod = name;
        spec.addresses[0] = pod.addresses.front();
        endpoints.push_back(std::move(spec));
        pods.push_back(name);
    }
    const resolve::Resolved resolved = resolve::resolve(cluster, pods);
    const auto frontends = resolve::frontends_of(cluster, {kNodeA, {}, pods});
    auto report = committer_->commit({cluster, resolved, endpoints, frontends});
    if (!report)
        return tl::unexpected(report.error());
    return {};
}

uint64_t Engine::map_bytes(kernel::MapName name) const {
    return kernel::map_memory_bytes(datapath_->map_fd(name));
}

uint64_t Engine::map_bytes() const {
    uint64_t bytes = 0;
    for (const kernel::NamedMap& map : datapath_->maps())
        bytes += kernel::map_memory_bytes(map.fd);
    return bytes;
}

}  // namespace catflap::bench
