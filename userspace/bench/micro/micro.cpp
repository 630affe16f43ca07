// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/micro.h"

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "bench/lab/engine.h"
#include "bench/traffic/frame.h"
#include "bench/micro/micro_programs.h"
#include "bench/lab/netns.h"

namespace catflap::bench {
namespace {

using kernel::Datapath;

constexpr uint32_t kKnownInterface = 1;      // lo, where the server hangs
constexpr uint32_t kUnknownInterface = 900;  // of which the datapath knows nothing

struct Case {
    std::string name;
    Bytes frame;
    Variation variation = {};
    uint32_t ifindex = kKnownInterface;
    bool passes = true;
    bool drives = true;   // false: the packet itself is run, it has no ports to vary
    bool random = false;  // meets other entries with every packet
    bool room = false;    // with an empty cache of flows
    bool from_pod = false;
};

constexpr uint32_t kRoom = 100'000;  // flows that the cache has room for without pushing out others

struct MicroStage {
    std::string name;
    Scale scale;
};

std::vector<MicroStage> micro_stages(const Run& run) {
    std::vector<MicroStage> stages = {{"1 policy", {1, 1, 10, 10}}, {"1,000 policies", {1000, 1000, 10, 10}}};
    if (run.smoke)
        return {stages.front()};
    if (!run.quick)
        stages.insert(stages.begin() + 1, {"100 policies", {100, 100, 10, 10}});
    // The node's pods have tables of their own at this scale.
    stages.push_back({kLargestMicroStage, {1000, 10000, 10, 250}});
    return stages;
}

constexpr uint32_t kPeers = 99'990;  // of the largest stage: each stage is sent the same packets

std::vector<Case> cases() {
    const Bytes allowed = udp_frame(kFarClient.address, kServer.address, kFirstSourcePort, kFirstPort);
    const Bytes denied = udp_frame(kFarClient.address, kServer.address, kFirstSourcePort, kClosedPort);
    const Bytes answer = udp_frame(kServer.address, kFarClient.address, kFirstPort, kFirstSourcePort);
    constexpr uint32_t kFlows = 10'000;
    const Variation flows{.source_ports = kFlows};
    const Variation answers{.source_ports = kFlows, .answers = true};
    const Variation sources{.peers = kPeers, .source_ports = kFlows};
    const Variation fresh{.sequence = true};
    return {
        {.name = kLinkCase, .frame = arp_frame(), .drives = false},
        {.name = kUnknownCase, .frame = denied, .ifindex = kUnknownInterface, .passes = false},
        // These two leave 10,000 live flows, in which both ends have spoken: the next cases'.
        {.name = kRandomFlowsCase, .frame = allowed, .variation = flows, .random = true},
        {.name = kRandomAnswersCase, .frame = answer, .variation = answers, .random = true, .from_pod = true},
        {.name = kFlowCase, .frame = allowed},
        {.name = kAnswerCase, .frame = answer, .from_pod = true},
        {.name = kDeniedCase, .frame = denied, .passes = false},
        {.name = kRandomDeniedCase, .frame = denied, .variation = sources, .passes = false, .random = true},
        {.name = kNewFlowCase, .frame = allowed, .variation = fresh, .random = true, .room = true},
        {.name = kEvictingCase, .frame = allowed, .variation = fresh, .random = true},
    };
}

// ns of one run of the program, over `repeat` runs. retval: of the last.
Result<double> time_program(int program, const Case& one, uint32_t repeat, uint32_t* retval = nullptr) {
    __sk_buff context{};
    context.ifindex = one.ifindex;
    context.ingress_ifindex = one.from_pod ? one.ifindex : 99;  // forwarded
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = one.frame.data(),
                .data_size_in = static_cast<uint32_t>(one.frame.size()), .ctx_in = &context,
                .ctx_size_in = sizeof(context), .repeat = static_cast<int>(repeat));
    const uint64_t begin = now_ns();
    if (const int error = bpf_prog_test_run_opts(program, &options); error != 0)
        return fail_errno(error, "BPF_PROG_TEST_RUN of {}", one.name);
    const double ns = static_cast<double>(now_ns() - begin) / repeat;
    if (retval != nullptr)
        *retval = options.retval;
    return ns;
}

void forget_flows(int flows_fd) {
    std::vector<catflap_flow_key> keys;
    kernel::for_each_key<catflap_flow_key>(flows_fd, [&](const catflap_flow_key& key) {
        keys.push_back(key);
        return true;
    });
    for (const catflap_flow_key& key : keys)
        bpf_map_delete_elem(flows_fd, &key);
}

struct Bench {
    int program = -1;
    Case one;
    Driver under_test;
    Driver baseline;

    Result<double> net_ns(int empty, uint32_t repeat) const {
        auto whole = time_program(one.drives ? under_test.program.get() : program, one, repeat);
        auto base = time_program(one.drives ? baseline.program.get() : empty, one, repeat);
        if (!whole || !base)
            return tl::unexpected(!whole ? whole.error() : base.error());
        return *whole - *base;
    }
};

Result<Bench> prepare(const Case& one, int program, int empty) {
    Bench bench{program, one, {}, {}};
    auto under_test = load_driver(one.variation, program);
    auto baseline = load_driver(one.variation, empty);
    if (!under_test || !baseline)
        return tl::unexpected(!under_test ? under_test.error() : baseline.error());
    bench.under_test = std::move(*under_test);
    bench.baseline = std::move(*baseline);
    // Fills the flow cache, and proves that the case is what it is called.
    uint32_t retval = 0;
    auto done = time_program(one.drives ? bench.under_test.program.get() : program, one, 200'000, &retval);
    if (!done)
        return tl::unexpected(done.error());
    const bool passed = static_cast<int>(retval) == TC_ACT_UNSPEC;
    if (passed != one.passes)
        return fail("micro: '{}' {}", one.name, passed ? "passes" : "is dropped");
    return bench;
}

Result<double> lookup_ns(const LookupPrograms& lookups, const Case& any, uint32_t repeat) {
    auto with = time_program(lookups.with.get(), any, repeat / kLookupsPerRun);
    auto without = time_program(lookups.without.get(), any, repeat / kLookupsPerRun);
    if (!with || !without)
        return tl::unexpected(!with ? with.error() : without.error());
    return (*with - *without) / kLookupsPerRun;
}

struct Sizes {
    size_t rounds;
    uint32_t repeat;
};
Sizes sizes(const Run& run) {
    return run.smoke ? Sizes{1, 10'000} : run.quick ? Sizes{7, 50'000} : Sizes{25, 200'000};
}

// Lookups of one entry over and over, which is L, and of 10,000 at random: what varies with every packet meets cold
// caches, and so does such a lookup.
struct Units {
    LookupPrograms hot;
    LookupPrograms random;
};

Result<> measure_cases(Run& run, const MicroStage& stage, const std::vector<Case>& cases, const Datapath& datapath,
                       int empty, const Units& units) {
    std::vector<Bench> benches;
    for (const Case& one : cases) {
        auto bench = prepare(one, one.from_pod ? datapath.from_pod_fd() : datapath.to_pod_fd(), empty);
        if (!bench)
            return tl::unexpected(bench.error());
        benches.push_back(std::move(*bench));
    }
    const auto [rounds, repeat] = sizes(run);
    for (size_t round = 0; round < rounds; ++round) {
        if (auto done = run.step(fmt::format("micro, {}: round {} of {}", stage.name, round + 1, rounds),
                                 static_cast<double>(repeat) * 2e-6);
            !done)
            return done;
        auto hot = lookup_ns(units.hot, benches.back().one, repeat);
        auto random = lookup_ns(units.random, benches.back().one, repeat);
        if (!hot || !random)
            return tl::unexpected(!hot ? hot.error() : random.error());
        run.results.row(kMicroNs, stage.name, kHotL, "ns").samples[kEbpf].push_back(*hot);
        run.results.row(kMicroNs, stage.name, kRandomL, "ns").samples[kEbpf].push_back(*random);
        for (const Bench& bench : benches) {
            if (bench.one.room)
                forget_flows(datapath.map_fd("flows"));
            auto net = bench.net_ns(empty, bench.one.room ? std::min(repeat, kRoom) : repeat);
            if (!net)
                return tl::unexpected(net.error());
            run.results.row(kMicroNs, stage.name, bench.one.name, "ns").samples[kEbpf].push_back(*net);
            run.results.row(kMicroL, stage.name, bench.one.name, "L").samples[kEbpf].push_back(*net / *hot);
            if (bench.one.random)
                run.results.row(kMicroRandomL, stage.name, bench.one.name, "L")
                    .samples[kEbpf]
                    .push_back(*net / *random);
        }
    }
    return {};
}

Result<> measure_stage(Run& run, const MicroStage& stage, const Datapath& datapath) {
    auto empty = load_empty_program();
    auto hot = load_lookup_programs(false);
    auto random = load_lookup_programs(true);
    if (!empty || !hot || !random)
        return tl::unexpected(!empty ? empty.error() : !hot ? hot.error() : random.error());
    const Units units{std::move(*hot), std::move(*random)};
    // New flows come last: they push the live ones out of the cache of flows.
    for (const bool inserts : {false, true}) {
        std::vector<Case> now;
        for (Case& one : cases())
            if (one.variation.sequence == inserts)
                now.push_back(std::move(one));
        if (auto done = measure_cases(run, stage, now, datapath, empty->get(), units); !done)
            return done;
    }
    return {};
}

Result<> run_stage(Run& run, const MicroStage& stage, size_t number) {
    auto source = read_source(run.laboratory, fmt::format("micro-{}", number), stage.scale);
    if (!source)
        return tl::unexpected(source.error());
    auto engine = Engine::open(run.laboratory, fmt::format("micro-{}", number));
    if (!engine)
        return tl::unexpected(engine.error());
    if (auto done = (*engine)->enforce(source->cluster()); !done)
        return done;
    return measure_stage(run, stage, (*engine)->datapath());
}

}  // namespace

double planned_micro_seconds(const Run& run) {
    const auto [rounds, repeat] = sizes(run);
    return run.wants("micro") ? static_cast<double>(micro_stages(run).size() * rounds) * repeat * 4e-6 + 10 : 0;
}

Result<> run_micro(Run& run) {
    if (!run.wants("micro"))
        return {};
    const std::string netns = run.laboratory.id() + "-micro";
    auto made = bench::run({"ip", "-batch", "-"}, fmt::format("netns add {}\n", netns));
    if (!made)
        return tl::unexpected(made.error());
    const InNamespace inside(netns);
    if (!inside.entered())
        return inside.entered();
    if (auto set = bench::run({"ip", "link", "add", "unknown", "index", std::to_string(kUnknownInterface), "type",
                               "veth", "peer", "name", "other"});
        !set)
        return tl::unexpected(set.error());
    size_t number = 0;
    for (const MicroStage& stage : micro_stages(run)) {
        if (auto done = run.step(fmt::format("micro, {}: loading", stage.name), 2); !done)
            return done;
        if (auto done = run_stage(run, stage, number++); !done)
            return fail_because(done.error(), "micro, {}", stage.name);
    }
    return {};
}

}  // namespace catflap::bench
