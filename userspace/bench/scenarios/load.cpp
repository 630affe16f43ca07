// SPDX-License-Identifier: Apache-2.0
#include "bench/scenarios/load.h"

#include "bench/lab/engine.h"
#include "bench/lab/netns.h"

namespace catflap::bench {
namespace {

constexpr uint32_t kAddresses = 100'000;

Address address(uint32_t index) {
    return parse_address(fmt::format("10.{}.{}.{}", 64 + index / 60000, index % 60000 / 240, 1 + index % 240)).value();
}

double ms_since(uint64_t begin_ns) {
    return static_cast<double>(now_ns() - begin_ns) / 1e6;
}

size_t rounds(const Run& run) {
    return run.smoke ? 1 : run.quick ? 2 : 10;
}

Result<> load_into_map(Run& run, Engine& engine) {
    std::vector<std::pair<Address, compile::ClassNumber>> entries;
    std::vector<Address> addresses;
    for (uint32_t i = 0; i < kAddresses; ++i) {
        addresses.push_back(address(i));
        entries.emplace_back(addresses.back(), 0);  // class 0: in no set
    }
    const uint64_t begin = now_ns();
    if (auto done = engine.datapath().store().set_addresses(entries); !done)
        return done;
    run.results.add(kLoad, kLoadStage, "ms", kStoreOnly, ms_since(begin));
    // Allocated up front for the limit, both families.
    const auto tables = static_cast<double>(engine.map_bytes("ipv4_addresses") + engine.map_bytes("ipv6_addresses"));
    run.results.add(kMemory, "of the tables of pod addresses", "bytes", kEbpf, tables);
    run.results.add(kMemory, "of a pod address, at the limit", "bytes", kEbpf, tables / +CATFLAP_MAX_ADDRESSES);
    return engine.datapath().store().remove_addresses(addresses);
}

// hash:net, as the engine that catflap replaces makes its sets.
Result<> load_into_ipset(Run& run, const std::string& netns) {
    std::string text = "create bench hash:net maxelem 1048576\n";
    for (uint32_t i = 0; i < kAddresses; ++i)
        text += "add bench " + to_string(address(i)) + "\n";
    const uint64_t begin = now_ns();
    auto loaded = bench::run({"ipset", "restore"}, text, {.netns = netns});
    if (!loaded)
        return tl::unexpected(loaded.error());
    run.results.add(kLoad, kLoadStage, "ms", kIpset, ms_since(begin));
    auto destroyed = bench::run({"ipset", "destroy", "bench"}, "", {.netns = netns});
    if (!destroyed)
        return tl::unexpected(destroyed.error());
    return {};
}

// Of ipBlocks; the kernel allocates as they come.
Result<> memory_of_prefixes(Run& run, Engine& engine) {
    constexpr uint32_t kPrefixes = 10'000;
    std::vector<std::pair<Prefix, compile::ClassNumber>> entries;
    for (uint32_t i = 0; i < kPrefixes; ++i)
        entries.emplace_back(parse_prefix(fmt::format("11.{}.{}.0/24", i / 250, i % 250)).value().prefix, 0);
    const uint64_t before = engine.map_bytes("cidrs");
    if (auto done = engine.datapath().store().set_prefixes(entries); !done)
        return done;
    run.results.add(kMemory, "of a prefix of an ipBlock", "bytes", kEbpf,
                    static_cast<double>(engine.map_bytes("cidrs") - before) / kPrefixes);
    return {};
}

// A policy's source set grows from 10 to 100,000 pods.
Result<> load_by_commit(Run& run, Engine& engine, const Cluster& small, const Cluster& large) {
    if (auto done = engine.enforce(small); !done)
        return done;
    const uint64_t begin = now_ns();
    if (auto done = engine.enforce(large); !done)
        return done;
    run.results.add(kLoad, kLoadStage, "ms", kWholeCommit, ms_since(begin));
    return {};
}

Result<> load_addresses(Run& run, const std::string& netns) {
    auto small = read_source(run.laboratory, "load-small", {1, 1, 10, 10});
    auto large = read_source(run.laboratory, "load-large", {1, 1, kAddresses, 10});
    if (!small || !large)
        return tl::unexpected(!small ? small.error() : large.error());
    for (size_t round = 0; round < rounds(run) && (round == 0 || !run.late()); ++round) {
        if (auto done = run.step(fmt::format("load: 100,000 addresses (round {} of {})", round + 1, rounds(run)), 1.5);
            !done)
            return done;
        auto empty = Engine::open(run.laboratory, fmt::format("load-map-{}", round));
        auto engine = Engine::open(run.laboratory, fmt::format("load-commit-{}", round));
        if (!empty || !engine)
            return tl::unexpected(!empty ? empty.error() : engine.error());
        if (auto done = load_into_map(run, **empty); !done)
            return done;
        if (auto done = memory_of_prefixes(run, **empty); !done)
            return done;
        if (auto done = load_into_ipset(run, netns); !done)
            return done;
        if (auto done = load_by_commit(run, **engine, small->cluster(), large->cluster()); !done)
            return done;
    }
    return {};
}

uint64_t table_bytes(Engine& engine) {
    const compile::PagePool& pages = engine.committer().loaded().pools.pages;
    return (pages.pages() - pages.free_pages()) * uint64_t{CATFLAP_PAGE_SIZE};
}

// An agent's first commit, step by step: 10,000 policies, 100,000 pods, 250 of them on this node.
Result<> cold_start(Run& run, size_t round) {
    const Scale scale = run.smoke ? Scale{10, 100, 10, 10} : Scale{100, 10'000, 10, 250};
    const uint64_t begin = now_ns();
    auto source = read_source(run.laboratory, "cold", scale);
    if (!source)
        return tl::unexpected(source.error());
    const std::string stage = "10,000 policies, 100,000 pods";
    run.results.add(kCold, stage + ", " + kColdRead, "ms", kEbpf, ms_since(begin));
    const uint64_t read = now_ns();
    auto engine = Engine::open(run.laboratory, fmt::format("cold-{}", round));
    if (!engine)
        return tl::unexpected(engine.error());
    if (auto done = (*engine)->enforce(source->cluster()); !done)
        return done;
    run.results.add(kCold, stage + ", " + kColdRest, "ms", kEbpf, ms_since(read));
    run.results.add(kMemory, "of all maps at 10,000 policies", "bytes", kEbpf,
                    static_cast<double>((*engine)->map_bytes()));
    return {};
}

Result<> memory_of_policies(Run& run) {
    auto few = read_source(run.laboratory, "memory-few", {1, 1, 10, 10});
    auto many = read_source(run.laboratory, "memory-many", {1000, 1000, 10, 10});
    auto pods = read_source(run.laboratory, "memory-pods", {1, 1, 10, 250});
    if (!few || !many || !pods)
        return tl::unexpected(!few ? few.error() : !many ? many.error() : pods.error());
    auto engine = Engine::open(run.laboratory, "memory");
    if (!engine)
        return tl::unexpected(engine.error());
    if (auto done = (*engine)->enforce(few->cluster()); !done)
        return done;
    const uint64_t fixed = (*engine)->map_bytes();
    const uint64_t small = table_bytes(**engine);
    run.results.add(kMemory, "of all maps with one policy", "bytes", kEbpf, static_cast<double>(fixed));
    if (auto done = (*engine)->enforce(many->cluster()); !done)
        return done;
    run.results.add(kMemory, "of a policy on the pod, in tables", "bytes", kEbpf,
                    static_cast<double>(table_bytes(**engine) - small) / 999);
    // A pod of the node: its config, its counters of both directions on every CPU.
    run.results.add(kMemory, "of a pod of the node", "bytes", kEbpf,
                    static_cast<double>(sizeof(catflap_endpoint_config) + sizeof(catflap_interface) +
                                        2 * sizeof(catflap_endpoint_counter) * static_cast<size_t>(cpu_count())));
    return {};
}

}  // namespace

double planned_load_seconds(const Run& run) {
    return run.wants(kLoad) ? static_cast<double>(rounds(run)) * 5 + 10 : 0;
}

Result<> run_load(Run& run) {
    if (!run.wants(kLoad))
        return {};
    const std::string netns = run.laboratory.id() + "-load";
    auto made = bench::run({"ip", "-batch", "-"}, fmt::format("netns add {}\n", netns));
    if (!made)
        return tl::unexpected(made.error());
    if (auto done = load_addresses(run, netns); !done)
        return fail_because(done.error(), "load");
    if (auto done = memory_of_policies(run); !done)
        return fail_because(done.error(), "memory");
    for (size_t round = 0; round < rounds(run) && (round == 0 || !run.late()); ++round) {
        if (auto done = run.step(fmt::format("cold start (round {} of {})", round + 1, rounds(run)), 3); !done)
            return done;
        if (auto done = cold_start(run, round); !done)
            return fail_because(done.error(), "cold start");
    }
    return {};
}

}  // namespace catflap::bench
