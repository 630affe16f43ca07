// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/guard_links.h"

#include <bpf/libbpf.h>
#include <catflap/abi.h>
#include <linux/netfilter.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
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

// The counters of an earlier agent, where they have this version's layout.
Result<> reuse_counters(bpf_map* counters, const fs::path& path) {
    const auto pinned = open_pinned(path);
    if (!pinned)
        return tl::unexpected(pinned.error());
    if (!*pinned)
        return {};
    const auto info = map_info((*pinned)->get());
    if (!info || info->type != bpf_map__type(counters) || info->value_bytes != bpf_map__value_size(counters) ||
        info->max_entries != bpf_map__max_entries(counters)) {
        remove_pin(path, ObjectKind::map);
        return {};
    }
    if (const int error = bpf_map__reuse_fd(counters, (*pinned)->get()); error != 0)
        return fail_errno(error, "take over {}", path.string());
    return {};
}

// Before loading: the programs see constants.
Result<> set_prefixes(guard_bpf& programs, const std::vector<std::string>& prefixes) {
    if (prefixes.empty() || prefixes.size() > CATFLAP_MAX_PREFIXES)
        return fail("{} beginnings of interface names are given to the guard: it takes 1 to {}", prefixes.size(),
                    CATFLAP_MAX_PREFIXES);
    programs.rodata->name_prefix_count = static_cast<uint32_t>(prefixes.size());
    for (size_t i = 0; i < prefixes.size(); ++i) {
        auto& to = programs.rodata->name_prefixes[i];
        if (prefixes[i].empty() || prefixes[i].size() > sizeof(to.bytes))
            return fail("the guard cannot compare interface names with \"{}\": 1 to {} bytes are possible", prefixes[i],
                        sizeof(to.bytes));
        std::memcpy(&to.bytes, prefixes[i].data(), prefixes[i].size());
        std::memset(&to.mask, 0xff, prefixes[i].size());
    }
    return {};
}

Result<Programs> load(const fs::path& pin_dir, const std::vector<std::string>& name_prefixes) {
    if (!is_bpffs(pin_dir))
        return fail("pin the guard below {}: this is not a BPF file system", pin_dir.string());
    Programs programs(guard_bpf::open());
    if (!programs)
        return fail_errno(errno, "open the BPF object of the guard");
    for (bpf_program* program : {programs->progs.guard_forward, programs->progs.guard_input}) {
        bpf_program__set_type(program, kNetfilterProgram);
        bpf_program__set_expected_attach_type(program, kNetfilterHook);
    }
    if (auto done = set_prefixes(*programs, name_prefixes); !done)
        return tl::unexpected(done.error());
    const fs::path counters = pin_dir / "keep" / "drop_counters";
    if (auto done = reuse_counters(programs->maps.drop_counters, counters); !done)
        return tl::unexpected(done.error());
    if (const int error = guard_bpf::load(programs.get()); error != 0)
        return fail_errno(error, "load the guard's programs (they need kernel 6.4 with CONFIG_NETFILTER_BPF_LINK)");
    if (auto done = keep_pinned(Pin{counters, bpf_map__fd(programs->maps.drop_counters)}); !done)
        return tl::unexpected(done.error());
    return programs;
}

LinkRequest request_for(int program_fd, const Hook& hook, int priority) {
    LinkRequest request;
    request.program_fd = static_cast<uint32_t>(program_fd);
    request.family = hook.family;
    request.hook = hook.hook;
    request.priority = priority;
    return request;
}

UniqueFd try_link(LinkRequest request) {
    return UniqueFd(static_cast<int>(syscall(__NR_bpf, BPF_LINK_CREATE, &request, sizeof(request))));
}

struct HeldLink {
    const Hook* hook = nullptr;
    int priority = 0;
    UniqueFd fd;
};

Result<HeldLink> create_link(int program_fd, const Hook& hook) {
    for (int priority = kLastPriority; priority >= kFirstPriority; --priority) {
        if (UniqueFd link = try_link(request_for(program_fd, hook, priority)); link)
            return HeldLink{&hook, priority, std::move(link)};
        if (errno != EBUSY)
            break;
    }
    return fail_errno(errno, "attach the guard to hook {} of netfilter", hook.name);
}

// One rename: the earlier agent's link goes when this one is at its place. It is detached, because the kernel takes a
// link whose last reference goes off its hook by a worker, seconds later where it is busy, and so long its interfaces'
// names would be in force.
Result<> pin_in_place(int link_fd, const fs::path& path) {
    const fs::path next = path.string() + "-next";
    const auto earlier = open_pinned(path);
    if (!earlier)
        return tl::unexpected(earlier.error());
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error)
        return fail_errno(error.value(), "create {}", path.parent_path().string());
    fs::remove(next, error);  // of an agent that died here
    if (auto done = pin(link_fd, next); !done)
        return done;
    fs::rename(next, path, error);
    if (error)
        return fail_errno(error.value(), "rename {}", next.string());
    if (*earlier && object_id((*earlier)->get()).kind == ObjectKind::link && bpf_link_detach((*earlier)->get()) != 0)
        return fail_errno(errno, "detach the earlier link of {}", path.string());
    return {};
}

}  // namespace

struct GuardLinks::State {
    fs::path pin_dir;
    Programs programs;
    std::vector<HeldLink> links;

    [[nodiscard]] int program_fd(const Hook& hook) const {
        const auto& progs = programs->progs;
        return bpf_program__fd(hook.hook == NF_INET_FORWARD ? progs.guard_forward : progs.guard_input);
    }
    [[nodiscard]] fs::path path_of(const Hook& hook) const { return pin_dir / "guard" / hook.name; }
};

GuardLinks::GuardLinks() noexcept = default;
GuardLinks::GuardLinks(GuardLinks&&) noexcept = default;
GuardLinks& GuardLinks::operator=(GuardLinks&&) noexcept = default;
GuardLinks::~GuardLinks() = default;

Result<GuardLinks> GuardLinks::attach(const fs::path& pin_dir, const std::vector<std::string>& name_prefixes) {
    auto programs = load(pin_dir, name_prefixes);
    if (!programs)
        return tl::unexpected(programs.error());
    GuardLinks guard;
    guard.state_ = std::make_unique<State>(State{pin_dir, std::move(*programs), {}});
    for (const Hook& hook : kHooks) {
        auto link = create_link(guard.state_->program_fd(hook), hook);
        if (!link)
            return tl::unexpected(link.error());
        if (auto done = pin_in_place(link->fd.get(), guard.state_->path_of(hook)); !done)
            return tl::unexpected(done.error());
        guard.state_->links.push_back(std::move(*link));
    }
    return guard;
}

// A link that was detached looks the same as before. But no two programs of a hook may have the same priority: where
// another one can be attached at ours, ours has gone, and the new one is in its place.
Result<bool> GuardLinks::audit() {
    bool mended = false;
    if (!state_)
        return mended;
    for (HeldLink& held : state_->links) {
        UniqueFd again = try_link(request_for(state_->program_fd(*held.hook), *held.hook, held.priority));
        if (!again && errno == EBUSY)
            continue;
        if (!again)
            return fail_errno(errno, "look whether the guard is attached to hook {} of netfilter", held.hook->name);
        held.fd = std::move(again);
        mended = true;
        if (auto done = pin_in_place(held.fd.get(), state_->path_of(*held.hook)); !done)
            return tl::unexpected(done.error());
    }
    return mended;
}

std::vector<Pin> GuardLinks::pins() const {
    std::vector<Pin> result;
    if (!state_)
        return result;
    for (const HeldLink& held : state_->links)
        result.push_back({state_->path_of(*held.hook), held.fd.get()});
    result.push_back({state_->pin_dir / "keep" / "drop_counters", bpf_map__fd(state_->programs->maps.drop_counters)});
    return result;
}

void GuardLinks::detach() {
    if (state_)
        for (const HeldLink& held : state_->links)
            bpf_link_detach(held.fd.get());
    state_.reset();
}

bool is_guard_name(const std::string& file_name) {
    return std::ranges::any_of(kHooks, [&](const Hook& hook) {
        return file_name == hook.name || file_name == std::string(hook.name) + "-next";
    });
}

Result<> detach_guard(const fs::path& pin_dir) {
    const fs::path directory = pin_dir / "guard";
    std::error_code error;
    for (const Hook& hook : kHooks) {
        for (const char* suffix : {"", "-next"}) {
            const fs::path path = directory / (std::string(hook.name) + suffix);
            const auto link = open_pinned(path);
            if (!link || !*link || object_id((*link)->get()).kind != ObjectKind::link)
                continue;
            // A link whose last pin goes is taken off its hook a little later, by a worker of the kernel; this is done
            // at once.
            if (bpf_link_detach((*link)->get()) != 0)
                return fail_errno(errno, "detach {}", path.string());
            fs::remove(path, error);
            if (error)
                return fail_errno(error.value(), "remove {}", path.string());
        }
    }
    fs::remove(directory, error);  // where it is empty
    return {};
}

}  // namespace catflap::kernel
