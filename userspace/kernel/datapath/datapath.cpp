// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/datapath.h"

#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "kernel/attach/foreign.h"
#include "kernel/datapath/flows.h"
#include "kernel/datapath/libbpf_log.h"
#include "kernel/datapath/pin_directory.h"
#include "kernel/datapath/preemption.h"
#include "kernel/datapath/programs.h"
#include "kernel/datapath/static_functions.h"

namespace catflap::kernel {
namespace {

namespace fs = std::filesystem;

// A map without a row in maps.def does not compile; neither does a row without a map (Programs::map).
constexpr size_t kSectionMaps = 2;  // .rodata, .bss
static_assert(sizeof(catflap_bpf::maps) / sizeof(bpf_map*) == kMaps.size() + kSectionMaps);

// The object file has the elements of one CPU.
void multiply_by_cpus(bpf_map* map, uint32_t cpus) {
    bpf_map__set_max_entries(map, bpf_map__max_entries(map) * cpus);
}

}  // namespace

Datapath::Datapath(DatapathOptions options) : options_(std::move(options)), programs_(std::make_unique<Programs>()) {}
Datapath::~Datapath() = default;

Result<std::unique_ptr<Datapath>> Datapath::open(const DatapathOptions& options) {
    keep_libbpf_log();
    std::unique_ptr<Datapath> datapath(new Datapath(options));
    if (auto done = datapath->prepare_directory(); !done)
        return tl::unexpected(done.error());
    if (auto done = datapath->load(); !done)
        return tl::unexpected(done.error());
    if (auto done = datapath->open_counters(); !done)
        return tl::unexpected(done.error());
    if (auto done = datapath->open_store(); !done)
        return tl::unexpected(done.error());
    if (auto done = datapath->read_adopted(); !done)
        return tl::unexpected(done.error());
    datapath->attachments_ =
        Attachments(options.attach.value_or(probe_attach_mode(datapath->from_pod_fd())), options.pin_dir / "links");
    if (auto done = datapath->attachments_.adopt(); !done)
        return tl::unexpected(done.error());
    return datapath;
}

Result<> Datapath::prepare_directory() {
    if (!options_.locked) {
        auto lock = lock_pin_directory(options_.pin_dir);
        if (!lock)
            return tl::unexpected(lock.error());
        lock_ = std::move(*lock);
    }
    std::error_code error;
    fs::create_directories(options_.pin_dir / "keep", error);
    if (error)
        return fail_errno(error.value(), "create {}", (options_.pin_dir / "keep").string());
    return {};
}

Result<> Datapath::load() {
    const auto cpus = cpu_numbers();
    if (!cpus)
        return tl::unexpected(cpus.error());
    cpus_ = *cpus;
    options_.redirects = options_.redirects && !programs_interleave();
    if (auto done = find_capacity(); !done)
        return done;
    wake_conntrack();
    if (auto done = load_best_programs(); !done)
        return done;
    for (const MapRow& row : kKeptMaps) {
        const fs::path path = options_.pin_dir / "keep" / row.name;
        if (fs::exists(path))
            continue;
        if (auto done = pin(map_fd(MapName(row)), path); !done)
            return done;
    }
    return {};
}

// What a kernel cannot do its verifier refuses: to read what nf_conntrack says of a packet (before 6.2), to look a
// connection up (before 5.18), to check functions by themselves (before 5.12).
Result<> Datapath::load_best_programs() {
    conntrack_ = true;
    static_functions_ = false;
    tracked_ = options_.tracked && !options_.keep_established;
    if (load_programs())
        return {};
    std::string log = libbpf_log();
    if (tracked_) {
        tracked_ = false;
        if (load_programs()) {
            spdlog::info("nf_conntrack is not the flow table of TCP and UDP (kernel 6.2 offers that); libbpf says: {}",
                         last_line_of(log));
            return {};
        }
        log = libbpf_log();
    }
    conntrack_ = false;
    if (!load_programs()) {
        static_functions_ = true;
        if (auto done = load_programs(); !done) {
            spdlog::error("libbpf: {}", log);
            spdlog::error("libbpf, without questions to nf_conntrack and with static functions: {}", libbpf_log());
            return done;
        }
    }
    spdlog::warn(
        "the datapath loads only without its questions to nf_conntrack (kernel 5.18 and newer has them): connections "
        "whose flow was evicted are judged as new ones; libbpf says: {}",
        last_line_of(log));
    return {};
}

Result<> Datapath::load_programs() {
    libbpf_log().clear();
    catflap_bpf::destroy(programs_->skeleton);
    programs_->skeleton = catflap_bpf::open();
    if (!programs_->skeleton)
        return fail_errno(errno, "open the BPF object");
    if (static_functions_)
        make_functions_static(programs_->skeleton->obj);
    const bool may_drop_early = tracked_ && !options_.audit;
    const bool early_drop_tc = options_.early_drop_tc && may_drop_early;
    bpf_program__set_autoload(programs_->skeleton->progs.from_uplink, early_drop_tc || redirects());
    bpf_program__set_autoload(programs_->skeleton->progs.to_uplink, redirects());
    bpf_program__set_autoload(programs_->skeleton->progs.early_drop_xdp, options_.early_drop_xdp && may_drop_early);
    programs_->skeleton->rodata->catflap_early_drop = early_drop_tc;
    programs_->skeleton->rodata->catflap_conntrack = conntrack_;
    programs_->skeleton->rodata->catflap_tracked = tracked_;
    programs_->skeleton->rodata->catflap_early_sample_ns = options_.early_sample_ns;
    programs_->skeleton->rodata->catflap_redirects = redirects();
    programs_->skeleton->rodata->catflap_settle_jiffies = options_.settle_jiffies;
    programs_->skeleton->rodata->catflap_audit = options_.audit;
    programs_->skeleton->rodata->catflap_keep = options_.keep_established;
    programs_->skeleton->rodata->catflap_fast_flow_jiffies = programs_interleave() ? 0 : options_.fast_flow_jiffies;
    programs_->skeleton->rodata->catflap_seed = random_address_seed();
    programs_->skeleton->rodata->catflap_rules = options_.capacity.decisions;
    bpf_map__set_max_entries(programs_->map("table_pages"), options_.capacity.pages);
    bpf_map__set_max_entries(programs_->map("rule_counters"), options_.capacity.decisions);
    for (const MapRow& row : kMaps)
        if (row.copies == MapCopies::EACH_CPU)
            multiply_by_cpus(programs_->map(MapName(row)), cpus_);
    if (auto done = reuse_kept_maps(); !done)
        return done;
    if (const int error = catflap_bpf::load(programs_->skeleton); error != 0)
        return fail_errno(error,
                          "load the BPF programs (they need kernel 5.10 or newer with CONFIG_BPF_SYSCALL, "
                          "CONFIG_NET_CLS_ACT, and root; before 5.11 also LimitMEMLOCK=infinity)");
    return {};
}

Result<> Datapath::reuse_kept_maps() {
    for (const MapRow& row : kKeptMaps) {
        const std::string_view name = row.name;
        const fs::path path = options_.pin_dir / "keep" / name;
        auto pinned = open_pinned(path);
        if (!pinned)
            return tl::unexpected(pinned.error());
        if (!*pinned)
            continue;
        bpf_map* map = programs_->map(MapName(row));
        const auto info = map_info((*pinned)->get());
        if (!info)
            return tl::unexpected(info.error());
        const bool fits = info->key_bytes == bpf_map__key_size(map) && info->value_bytes == bpf_map__value_size(map) &&
                          info->max_entries == bpf_map__max_entries(map) && info->type == bpf_map__type(map);
        if (!fits) {
            if (name == "rule_counters" && outgrow(pinned->value(), *info)) {
                remove_pin(path, ObjectKind::map);
                continue;
            }
            spdlog::warn("{} is of another version of catflap, or of another number of CPUs, and starts empty",
                         path.string());
            remove_pin(path, ObjectKind::map);
            continue;
        }
        if (const int error = bpf_map__reuse_fd(map, (*pinned)->get()); error != 0)
            return fail_errno(error, "take over {}", path.string());
        if (name == "flows")
            flows_adopted_ = true;
    }
    return {};
}

Result<> Datapath::open_counters() {
    auto endpoints = EndpointCounters::map(map_fd("endpoint_counters"), "endpoint_counters", CATFLAP_ENDPOINT_COUNTERS);
    if (!endpoints)
        return tl::unexpected(endpoints.error());
    endpoint_counters_ = std::move(*endpoints);
    auto rules = CpuArray<catflap_counter>::map(map_fd("rule_counters"), "rule_counters", options_.capacity.decisions);
    if (!rules)
        return tl::unexpected(rules.error());
    take_over_rule_counters(*rules);
    auto ledger = Ledger::open(options_.pin_dir / "keep", std::move(*rules), options_.capacity.decisions);
    if (!ledger)
        return tl::unexpected(ledger.error());
    ledger_ = std::move(*ledger);
    return {};
}

Result<> Datapath::open_store() {
    StateMaps maps;
    maps.interfaces = map_fd("interfaces");
    maps.endpoint_configs = map_fd("endpoint_configs");
    maps.ipv4_addresses = map_fd("ipv4_addresses");
    maps.ipv6_addresses = map_fd("ipv6_addresses");
    maps.local_addresses = map_fd("local_addresses");
    maps.cidrs = map_fd("cidrs");
    maps.port_pages = map_fd("port_pages");
    maps.table_pages = map_fd("table_pages");
    maps.redirect_gates = map_fd("redirect_gates");
    maps.uplinks = map_fd("uplinks");
    maps.table_page_count = options_.capacity.pages;
    maps.address_seed = programs_->skeleton->rodata->catflap_seed;
    auto store = MapStore::open(maps, *ledger_, endpoint_counters_);
    if (!store)
        return tl::unexpected(store.error());
    store_ = std::move(*store);
    return {};
}

Result<> Datapath::attach(uint32_t ifindex) {
    if (auto done = attachments_.attach(ifindex, from_pod_fd(), to_pod_fd()); !done)
        return done;
    if (attachments_.mode() == AttachMode::tcx)
        remove_clsact(ifindex);  // of an agent that ran without TCX
    return {};
}

bool Datapath::saw_untracked() const {
    return std::atomic_ref(programs_->skeleton->bss->catflap_untracked).load(std::memory_order_relaxed) != 0;
}

int Datapath::map_fd(MapName name) const {
    return bpf_map__fd(programs_->map(name));
}
int Datapath::uplink_fd(UplinkProgram program) const {
    const auto& programs = programs_->skeleton->progs;
    const bpf_program* wanted = program == UplinkProgram::from_uplink ? programs.from_uplink
                                : program == UplinkProgram::to_uplink ? programs.to_uplink
                                                                      : programs.early_drop_xdp;
    return bpf_program__autoload(wanted) ? bpf_program__fd(wanted) : -1;
}
int Datapath::from_pod_fd() const {
    return bpf_program__fd(programs_->skeleton->progs.from_pod);
}
int Datapath::to_pod_fd() const {
    return bpf_program__fd(programs_->skeleton->progs.to_pod);
}

std::vector<NamedMap> Datapath::maps() const {
    std::vector<NamedMap> result;
    const auto add = [&](const MapRow& row, const fs::path& path) {
        result.push_back({row.name, map_fd(MapName(row)), fs::exists(path) ? path.string() : "",
                          row.copies == MapCopies::EACH_CPU ? cpus_ : 1});
    };
    for (const MapRow& row : kStateMaps)
        add(row, options_.pin_dir / "state" / row.name);
    for (const MapRow& row : kKeptMaps)
        add(row, options_.pin_dir / "keep" / row.name);
    for (const MapRow& row : kLoadMaps)
        add(row, {});
    return result;
}

EndpointCounts Datapath::endpoint_counts(uint32_t slot) const {
    return {endpoint_counters_.sum(slot * 2 + CATFLAP_FROM_POD), endpoint_counters_.sum(slot * 2 + CATFLAP_TO_POD)};
}

Result<catflap_counter> Datapath::drop_count(uint32_t reason) const {
    return sum_over_cpus<catflap_counter>(map_fd("drop_counters"), "drop_counters", reason);
}

Result<catflap_health> Datapath::health() const {
    return sum_over_cpus<catflap_health>(map_fd("health_counters"), "health_counters", 0);
}

}  // namespace catflap::kernel
