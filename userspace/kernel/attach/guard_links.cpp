// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/guard_links.h"

#include <bpf/libbpf.h>
#include <linux/netfilter.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <memory>

#include "guard.skel.h"
#include "kernel/maps/map.h"

namespace catflap::kernel {
namespace {

namespace fs = std::filesystem;

// Debian 12's headers (6.1) do not know these yet; the values are the kernel's (6.4, include/uapi/linux/bpf.h).
constexpr auto kNetfilterProgram = std::bit_cast<bpf_prog_type>(32);
constexpr auto kNetfilterHook = static_cast<bpf_attach_type>(45);

// Before connection tracking and every table: what no program judged leaves no trace. No two programs of a hook may
// have the same priority, and those of an earlier agent are there until ours are.
constexpr int kFirstPriority = -320;
constexpr int kLastPriority = -311;

// bpf_attr of BPF_LINK_CREATE, which libbpf 1.1 cannot fill for such a link.
struct LinkRequest {
    uint32_t program_fd = 0;
    uint32_t target_fd = 0;
    uint32_t attach_type = kNetfilterHook;
    uint32_t flags = 0;
    uint32_t family = 0;
    uint32_t hook = 0;
    int32_t priority = 0;
    uint32_t netfilter_flags = 0;
};

struct Hook {
    const char* name;
    uint32_t family;
    uint32_t hook;
};

constexpr std::array<Hook, 4> kHooks = {{{"forward-ipv4", NFPROTO_IPV4, NF_INET_FORWARD},
                                         {"forward-ipv6", NFPROTO_IPV6, NF_INET_FORWARD},
                                         {"input-ipv4", NFPROTO_IPV4, NF_INET_LOCAL_IN},
                                         {"input-ipv6", NFPROTO_IPV6, NF_INET_LOCAL_IN}}};

struct Destroy {
    void operator()(guard_bpf* skeleton) const { guard_bpf::destroy(skeleton); }
};
using Programs = std::unique_ptr<guard_bpf, Destroy>;

Result<Programs> load(const fs::path& pin_dir) {
    const fs::path counters = pin_dir / "keep" / "drop_counters";
    const auto pinned = open_pinned(counters);
    if (!pinned)
        return tl::unexpected(pinned.error());
    if (!*pinned)
        return fail("open pinned object {}: it is not there", counters.string());
    Programs programs(guard_bpf::open());
    if (!programs)
        return fail_errno(errno, "open the BPF object of the guard");
    for (bpf_program* program : {programs->progs.guard_forward, programs->progs.guard_input}) {
        bpf_program__set_type(program, kNetfilterProgram);
        bpf_program__set_expected_attach_type(program, kNetfilterHook);
    }
    if (const int error = bpf_map__reuse_fd(programs->maps.drop_counters, (*pinned)->get()); error != 0)
        return fail_errno(error, "take over {}", counters.string());
    if (const int error = guard_bpf::load(programs.get()); error != 0)
        return fail_errno(error, "load the guard's programs (they need kernel 6.4 with CONFIG_NETFILTER_BPF_LINK)");
    return programs;
}

Result<UniqueFd> create_link(int program_fd, const Hook& hook) {
    LinkRequest request;
    request.program_fd = static_cast<uint32_t>(program_fd);
    request.family = hook.family;
    request.hook = hook.hook;
    for (request.priority = kLastPriority; request.priority >= kFirstPriority; --request.priority) {
        UniqueFd link(static_cast<int>(syscall(__NR_bpf, BPF_LINK_CREATE, &request, sizeof(request))));
        if (link)
            return link;
        if (errno != EBUSY)
            break;
    }
    return fail_errno(errno, "attach the guard to hook {} of netfilter", hook.name);
}

// One rename: the earlier agent's link goes when this one is at its place.
Result<> pin_in_place(int link_fd, const fs::path& path) {
    const fs::path next = path.string() + "-next";
    std::error_code error;
    fs::remove(next, error);  // of an agent that died here
    if (auto done = pin(link_fd, next); !done)
        return done;
    fs::rename(next, path, error);
    if (error)
        return fail_errno(error.value(), "rename {}", next.string());
    return {};
}

}  // namespace

Result<> attach_guard(const fs::path& pin_dir) {
    auto programs = load(pin_dir);
    if (!programs)
        return tl::unexpected(programs.error());
    const fs::path directory = pin_dir / "guard";
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
        return fail_errno(error.value(), "create {}", directory.string());
    for (const Hook& hook : kHooks) {
        const auto& progs = (*programs)->progs;
        const bpf_program* program = hook.hook == NF_INET_FORWARD ? progs.guard_forward : progs.guard_input;
        auto link = create_link(bpf_program__fd(program), hook);
        if (!link)
            return tl::unexpected(link.error());
        if (auto done = pin_in_place(link->get(), directory / hook.name); !done)
            return done;
    }
    return {};
}

Result<> detach_guard(const fs::path& pin_dir) {
    std::error_code error;
    // A link whose last pin goes is taken off its hook a little later, by a worker of the kernel; this is done at once.
    for (const fs::directory_entry& pinned : fs::directory_iterator(pin_dir / "guard", error))
        if (auto link = open_pinned(pinned.path()); link && *link && bpf_link_detach((*link)->get()) != 0)
            return fail_errno(errno, "detach {}", pinned.path().string());
    fs::remove_all(pin_dir / "guard", error);
    if (error)
        return fail_errno(error.value(), "remove {}", (pin_dir / "guard").string());
    return {};
}

}  // namespace catflap::kernel
