// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/arrivals.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "bench/micro/bpf_code.h"
#include "bench/lab/netns.h"
#include "bench/traffic/workload.h"

namespace catflap::bench {
namespace {

constexpr size_t kMapBytes = 4096;

sockaddr_in address_of(const PodPlace& pod, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, pod.address, &address.sin_addr);
    return address;
}

}  // namespace

Result<Arrivals> Arrivals::make() {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    Arrivals arrivals;
    arrivals.map_.reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench_arrivals", 4, 8, 1, &options));
    if (!arrivals.map_)
        return fail_errno(errno, "make the map that counts arrivals");
    void* memory = mmap(nullptr, kMapBytes, PROT_READ, MAP_SHARED, arrivals.map_.get(), 0);
    if (memory == MAP_FAILED)
        return fail_errno(errno, "map the counter of arrivals");
    arrivals.counter_ = static_cast<uint64_t*>(memory);
    BpfCode code;
    code.move(BPF_REG_1, 0)
        .store(BPF_W, BPF_REG_10, -4, BPF_REG_1)
        .copy(BPF_REG_2, BPF_REG_10)
        .op(BPF_ADD, BPF_REG_2, -4)
        .load_map(BPF_REG_1, arrivals.map_.get())
        .call(BPF_FUNC_map_lookup_elem)
        .jump_if(BPF_JEQ, BPF_REG_0, 0, "out")
        .move(BPF_REG_1, 1)
        .atomic_add(BPF_REG_0, 0, BPF_REG_1)
        .label("out")
        .move(BPF_REG_0, 0)  // keep no byte of the packet
        .exit();
    auto program = code.load_as(BPF_PROG_TYPE_SOCKET_FILTER, "bench_arrivals");
    if (!program)
        return tl::unexpected(program.error());
    arrivals.program_ = std::move(*program);
    return arrivals;
}

Arrivals::Arrivals(Arrivals&& other) noexcept
    : map_(std::move(other.map_)),
      program_(std::move(other.program_)),
      counter_(std::exchange(other.counter_, nullptr)) {}

Arrivals::~Arrivals() {
    if (counter_ != nullptr)
        munmap(counter_, kMapBytes);
}

Result<> Arrivals::count_at(int socket) const {
    const int program = program_.get();
    if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) != 0)
        return fail_errno(errno, "attach the counting filter");
    return {};
}

Result<UniqueFd> udp_socket(const Site& site, const PodPlace& pod, uint16_t port) {
    const InNamespace inside(site.netns(pod));
    if (!inside.entered())
        return tl::unexpected(inside.entered().error());
    UniqueFd sock(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    setsockopt(sock.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    const sockaddr_in address = address_of(pod, port);
    if (!sock || bind(sock.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail_errno(errno, "open UDP port {} of {} in mode {}", port, pod.name, site.mode().name);
    return sock;
}

Result<> connect_to(int socket, const PodPlace& pod, uint16_t port) {
    const sockaddr_in address = address_of(pod, port);
    if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail_errno(errno, "connect to {}:{}", pod.address, port);
    return {};
}

Result<std::vector<UniqueFd>> counting_sockets(const Site& site, const PodPlace& pod, const Arrivals& arrivals) {
    std::vector<UniqueFd> sockets;
    for (uint16_t port = kFirstPort; port <= kLastPort + 1; ++port) {
        auto sock = udp_socket(site, pod, port <= kLastPort ? port : kClosedPort);
        if (!sock)
            return tl::unexpected(sock.error());
        if (auto done = arrivals.count_at(sock->get()); !done)
            return tl::unexpected(done.error());
        sockets.push_back(std::move(*sock));
    }
    return sockets;
}

}  // namespace catflap::bench
