// SPDX-License-Identifier: Apache-2.0
#include "support/kernel/kernel_lab.h"

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <stdexcept>

#include "kernel/datapath/flows.h"
#include "resolve/frontends.h"
#include "resolve/resolve.h"
#include "support/packets/describe.h"

namespace catflap::test {
namespace {

constexpr int kInterfaces = 64;

template <class T>
T must(Result<T> result) {
    if (!result)
        throw std::runtime_error(result.error().message);
    return std::move(*result);
}

// Once for the process: the interfaces' numbers are then 1 (lo) to kInterfaces.
void enter_namespace() {
    static const bool entered = [] {
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
            throw std::runtime_error("no namespaces of our own: these tests need root");
        const std::string batch = fmt::format("/tmp/catflap-lab-{}", getpid());
        {
            std::ofstream file(batch);
            file << "link set lo mtu 1500\n";  // endpoint 1 hangs on it
            for (int i = 2; i < kInterfaces; i += 2)
                file << fmt::format("link add v{} index {} type veth peer name v{} index {}\n", i, i, i + 1, i + 1);
        }
        const int status = std::system(fmt::format("ip -batch {}", batch).c_str());
        std::filesystem::remove(batch);
        if (status != 0)
            throw std::runtime_error("ip -batch failed");
        if (!std::filesystem::exists("/sys/fs/bpf"))
            throw std::runtime_error("no /sys/fs/bpf");
        // A bpffs of our own, too: one mounted over everybody's would hide the pins of agents that run beside us.
        if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) != 0)
            throw std::runtime_error("no bpffs of our own");
        // Fast flows are a CPU's own: a test stays on one.
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(sched_getcpu(), &here);
        if (sched_setaffinity(0, sizeof(here), &here) != 0)
            throw std::runtime_error("cannot stay on a CPU");
        return true;
    }();
    (void)entered;
}

struct LastRun {
    Hook hook = Hook::from_pod;
    Bytes frame;
    SkbFields fields;
    bool passed = false;
};

LastRun& last_run() {
    static LastRun run;
    return run;
}

// The kernel takes a frame for this host's where its destination is the interface's own address.
void address_to(uint32_t ifindex, Bytes& frame) {
    ifreq request{};
    const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (if_indextoname(ifindex, request.ifr_name) == nullptr || ioctl(any.get(), SIOCGIFHWADDR, &request) != 0)
        throw std::runtime_error(fmt::format("read the address of interface {}: {}", ifindex, strerror(errno)));
    std::copy_n(request.ifr_hwaddr.sa_data, std::min<size_t>(6, frame.size()), frame.begin());
}

}  // namespace

bool laboratories_track() {
    const char* lab = std::getenv("CATFLAP_LAB");
    return lab != nullptr && std::string_view(lab) == "tracked";
}

KernelLab::KernelLab(const LabOptions& options) {
    enter_namespace();
    if (options.tracked && !options.keep_established) {
        tracker_ = std::make_unique<Tracker>();
        tracker_->forget();
    }
    static std::atomic<int> next{0};
    pin_dir_ = fmt::format("/sys/fs/bpf/catflap-test-{}-{}", getpid(), next++);
    kernel::DatapathOptions datapath_options;
    datapath_options.pin_dir = pin_dir_;
    datapath_options.audit = options.audit;
    datapath_options.keep_established = options.keep_established;
    datapath_options.tracked = options.tracked;
    datapath_options.redirects = options.redirects;
    datapath_options.settle_jiffies = options.settle_jiffies;
    datapath_options.early_drop_tc = options.early_drop;
    datapath_options.early_drop_xdp = options.early_drop;
    datapath_options.early_sample_ns = options.early_sample_ns;
    datapath_options.fast_flow_jiffies = options.fast_flow_jiffies;
    datapath_options.attach = options.attach;
    datapath_ = must(kernel::Datapath::open(datapath_options));
    committer_ = std::make_unique<compile::Committer>(datapath_->store(), compile::Limits(datapath_->capacity()));
}

KernelLab::~KernelLab() {
    committer_.reset();
    datapath_.reset();
    (void)kernel::remove_datapath(pin_dir_, {});
}

void KernelLab::enforce(const Cluster& cluster, const std::vector<ObjectName>& local_pods) {
    std::vector<compile::EndpointSpec> endpoints;
    for (const ObjectName& name : local_pods) {
        compile::EndpointSpec spec;
        spec.ifindex = static_cast<uint32_t>(endpoints.size() + 1);
        spec.interface = fmt::format("v{}", spec.ifindex);
        spec.pod = name;
        spec.uid = cluster.pods.at(name).uid;
        for (const Address& address : cluster.pods.at(name).addresses)
            spec.addresses[address.is_ipv4() ? 0 : 1] = address;
        endpoints.push_back(std::move(spec));
    }
    enforce(cluster, endpoints);
}

void KernelLab::enforce(const Cluster& cluster, const std::vector<compile::EndpointSpec>& endpoints) {
    std::vector<ObjectName> pods;
    for (const compile::EndpointSpec& spec : endpoints)
        if (spec.pod)
            pods.push_back(*spec.pod);
    const resolve::Resolved resolved = resolve::resolve(cluster, pods);
    const auto frontends = resolve::frontends_of(cluster, {"n1", {}, pods});
    const compile::Desired desired{cluster, resolved, endpoints, frontends};
    auto report = committer_->commit(desired);
    if (!report && report.error().code == compile::kDoesNotFit) {
        collect();
        report = committer_->commit(desired);
    }
    (void)must(std::move(report));
}

// As an agent does it: what earlier commits retired is given back.
void KernelLab::collect() {
    for (const auto& [decision, key] : must(committer_->collect())) {
        if (const auto done = datapath_->ledger().settle(decision, key); !done)
            throw std::runtime_error(done.error().message);
        committer_->release(key);
    }
}

std::string describe_last_run() {
    const LastRun& run = last_run();
    if (run.frame.empty())
        return "";
    return fmt::format("{} of interface {} (in by {}): {} was {}",
                       run.hook == Hook::from_pod ? "from_pod"
                       : run.hook == Hook::to_pod ? "to_pod"
                                                  : "from_uplink",
                       run.fields.ifindex, run.fields.ingress_ifindex, describe(run.frame),
                       run.passed ? "passed" : "dropped");
}

void KernelLab::set_gate(uint32_t ifindex, catflap_redirect_gate gate) {
    const uint32_t slot = committer_->loaded().endpoints.at(ifindex).slot;
    const uint32_t value = gate;
    if (bpf_map_update_elem(datapath_->map_fd("redirect_gates"), &slot, &value, BPF_ANY) != 0)
        throw std::runtime_error(fmt::format("set a gate: {}", strerror(errno)));
}

void KernelLab::set_uplink(uint32_t ifindex, uint32_t ways) {
    datapath_->store().set_uplinks({{ifindex, {ways, 1500}}});
}

Outcome KernelLab::send(Hook hook, const Bytes& frame, const SkbFields& fields) {
    __sk_buff context{};
    context.ifindex = fields.ifindex;
    context.ingress_ifindex = fields.ingress_ifindex;
    context.gso_segs = fields.gso_segments;
    context.gso_size = fields.gso_size;
    Outcome outcome;
    outcome.frame.resize(frame.size());
    Bytes sent = frame;
    if (hook == Hook::from_uplink)
        address_to(fields.ifindex, sent);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = sent.data(), .data_out = outcome.frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()),
                .data_size_out = static_cast<uint32_t>(frame.size()), .ctx_in = &context,
                .ctx_size_in = sizeof(context), .repeat = 1);
    if (tracker_ && hook == Hook::to_pod)
        tracker_->see(frame, false);
    const int program = hook == Hook::from_pod ? datapath_->from_pod_fd()
                        : hook == Hook::to_pod ? datapath_->to_pod_fd()
                                               : datapath_->uplink_fd(kernel::UplinkProgram::from_uplink);
    if (const int error = bpf_prog_test_run_opts(program, &options); error != 0)
        throw std::runtime_error(fmt::format("BPF_PROG_TEST_RUN of {} bytes: {}", frame.size(), strerror(-error)));
    outcome.redirected = options.retval == TC_ACT_REDIRECT;
    const bool passed = outcome.redirected || static_cast<int>(options.retval) == TC_ACT_UNSPEC;
    outcome.passed = passed;
    last_run() = {hook, frame, fields, passed};
    if (tracker_ && hook == Hook::to_pod && !passed)
        tracker_->refused();
    if (tracker_ && hook == Hook::from_pod && passed && !outcome.redirected)
        tracker_->see(frame, true);
    return outcome;
}

bool KernelLab::comes_in(kernel::UplinkProgram program, const Bytes& frame) {
    constexpr uint32_t kXdpPass = 2;
    Bytes to_us = frame;
    std::fill_n(to_us.begin(), std::min<size_t>(6, to_us.size()),
                uint8_t{0});  // the address of lo, which it comes in by
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = to_us.data(),
                .data_size_in = static_cast<uint32_t>(to_us.size()), .repeat = 1);
    if (const int error = bpf_prog_test_run_opts(datapath_->uplink_fd(program), &options); error != 0)
        throw std::runtime_error(fmt::format("BPF_PROG_TEST_RUN of early drop: {}", strerror(-error)));
    return program == kernel::UplinkProgram::early_drop_xdp ? options.retval == kXdpPass
                                                            : static_cast<int>(options.retval) == TC_ACT_UNSPEC;
}

void KernelLab::send_to_interface_2(const Bytes& frame) {
    if (!peer_socket_) {
        if (std::system("ip link set v2 up && ip link set v3 up") != 0)
            throw std::runtime_error("ip link set up");
        if (auto done = datapath_->attach(2); !done)
            throw std::runtime_error(done.error().message);
        peer_socket_.reset(socket(AF_PACKET, SOCK_RAW, 0));
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_ifindex = 3;
        if (bind(peer_socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
            throw std::runtime_error("bind to v3");
    }
    if (::send(peer_socket_.get(), frame.data(), frame.size(), 0) != static_cast<ssize_t>(frame.size()))
        throw std::runtime_error(fmt::format("send {} bytes: {}", frame.size(), strerror(errno)));
}

uint64_t KernelLab::drops(catflap_reason reason) const {
    return must(datapath_->drop_count(reason)).packets;
}

kernel::EndpointCounts KernelLab::counts(size_t endpoint) const {
    const auto& loaded = committer_->loaded().endpoints.at(static_cast<uint32_t>(endpoint + 1));
    return datapath_->endpoint_counts(loaded.slot);
}

void KernelLab::forget_connections() {
    if (tracker_)
        tracker_->forget();
}

void KernelLab::forget_flows() {
    const int fd = datapath_->map_fd("flows");
    std::vector<catflap_flow_key> keys;
    bool established = false;
    kernel::for_each_flow(fd, [&](const catflap_flow_key& key, const catflap_flow& flow) {
        keys.push_back(key);
        established |= flow.state >= CATFLAP_FLOW_ESTABLISHED;
        return true;
    });
    for (const catflap_flow_key& key : keys)
        bpf_map_delete_elem(fd, &key);
    if (established)  // others have no fast flow
        forget_fast_flows();
}

void KernelLab::forget_fast_flows() {
    const uint32_t elements = CATFLAP_FAST_FLOWS * must(kernel::cpu_numbers());
    const auto fast_flows =
        must(kernel::MappedArray<catflap_fast_flow>::map(datapath_->map_fd("fast_flows"), "fast_flows", elements));
    std::ranges::fill(fast_flows.values(), catflap_fast_flow{});
}

size_t KernelLab::flows() const {
    size_t count = 0;
    kernel::for_each_key<catflap_flow_key>(datapath_->map_fd("flows"), [&](const catflap_flow_key&) {
        ++count;
        return true;
    });
    return count;
}

}  // namespace catflap::test
