// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <optional>

#include "engine/ebpf/lists.h"

namespace catflap::engine {
namespace {

report::NamedNumbers health(const EbpfEngine& engine) {
    const auto counted = engine.datapath().health();
    if (!counted)
        return {};
    return {{"flowsCreated", counted->flows_created},
            {"flowInsertFailures", counted->flow_insert_failures},
            {"flowsJudgedAgain", counted->flows_judged_again},
            {"flowsRecovered", counted->flows_recovered},
            {"fragmentInsertFailures", counted->fragment_insert_failures},
            {"redirectsLearned", counted->redirects_learned},
            {"auditPasses", counted->audit_passes},
            {"untrackedSeen", engine.datapath().saw_untracked() ? 1 : 0}};
}

// Of nf_conntrack in this network namespace; nothing where it is not loaded.
std::optional<uint64_t> conntrack_number(const std::string& name) {
    uint64_t value = 0;
    std::ifstream file("/proc/sys/net/netfilter/nf_conntrack_" + name);
    return file >> value ? std::optional(value) : std::nullopt;
}

report::NamedNumbers counts(const View& view, const EbpfEngine& engine, const std::vector<report::MapRow>& maps) {
    const compile::Loaded& loaded = engine.loaded();
    const auto flows = std::ranges::find(maps, "flows", &report::MapRow::name);
    view.index.update(view.resolved, view.commit);
    report::NamedNumbers result = {{"endpoints", view.pods.size()},
                                   {"policies", view.cluster.policies.size()},
                                   {"sets", view.index.sets().size()},
                                   {"classes", loaded.class_numbers.size()},
                                   {"portClasses", loaded.port_numbers.size()},
                                   {"tables", loaded.tables.size()},
                                   {"addresses", loaded.addresses.size()},
                                   {"prefixes", loaded.prefixes.size()},
                                   {"flows", flows == maps.end() ? 0 : flows->entries}};
    // A full table refuses new connections, and where they have no flows, nothing else knows of them.
    if (const auto entries = conntrack_number("count"), most = conntrack_number("max"); entries && most) {
        result.emplace_back("connections", *entries);
        result.emplace_back("maxConnections", *most);
    }
    return result;
}

}  // namespace

report::EngineStatus ebpf_status(const View& view, const EbpfEngine& engine) {
    report::EngineStatus status;
    status.asks_conntrack = engine.datapath().asks_conntrack();
    status.tracked = engine.datapath().tracked();
    status.maps = map_rows(view, engine);
    status.counts = counts(view, engine, status.maps);
    status.health = health(engine);
    return status;
}

}  // namespace catflap::engine
