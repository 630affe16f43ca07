// SPDX-License-Identifier: Apache-2.0
#include "kernel/attach/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <climits>

#include "kernel/attach/foreign.h"
#include "kernel/attach/link_info.h"
#include "kernel/maps/map.h"

namespace catflap::kernel {
namespace {

// Debian 12's headers (6.1) do not know these yet; the values are the kernel's (6.6, include/uapi/linux/bpf.h).
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);

// The kernel's (6.6, include/uapi/linux/bpf.h): without a relative, in front of all.
constexpr uint32_t kBefore = 1U << 3;

bpf_attach_type tcx_hook(bool from_pod) {
    return from_pod ? kTcxIngress : kTcxEgress;
}
bpf_tc_attach_point clsact_hook(bool from_pod) {
    return from_pod ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}
const char* hook_name(bool from_pod) {
    return from_pod ? "from_pod" : "to_pod";
}

// Of a link file "12-from_pod" (bpffs allows no dots in names).
std::pair<uint32_t, bool> parse_link_name(const std::string& name) {
    uint32_t ifindex = 0;
    std::from_chars(name.data(), name.data() + name.size(), ifindex);
    return {ifindex, name.ends_with("from_pod")};
}

void remove_filter(uint32_t ifindex, bool from_pod) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = clsact_hook(from_pod));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = kHandle, .priority = kPriority);
    bpf_tc_detach(&hook, &options);
}

uint32_t program_id(int fd) {
    bpf_prog_info info{};
    uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

}  // namespace

uint32_t clsact_program(uint32_t ifindex, bool from_pod) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = clsact_hook(from_pod));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = kHandle, .priority = kPriority);
    return bpf_tc_query(&hook, &options) == 0 ? options.prog_id : 0;
}

uint32_t tcx_attach_type(bool from_pod) {
    return tcx_hook(from_pod);
}

std::string_view to_string(AttachMode mode) {
    return mode == AttachMode::tcx ? "tcx" : "clsact";
}

AttachMode probe_attach_mode(int program_fd) {
    // No interface has this index. A kernel that knows TCX looks for it (ENODEV); another refuses the attach type.
    const int fd = bpf_link_create(program_fd, INT_MAX, kTcxIngress, nullptr);
    const int error = errno;
    UniqueFd unexpected(fd);
    return fd < 0 && error == ENODEV ? AttachMode::tcx : AttachMode::clsact;
}

std::filesystem::path Attachments::link_path(uint32_t ifindex, bool from_pod) const {
    return links_dir_ / fmt::format("{}-{}", ifindex, hook_name(from_pod));
}

Result<> Attachments::adopt() {
    std::error_code error;
    std::filesystem::create_directories(links_dir_, error);
    if (error)
        return fail_errno(error.value(), "create {}", links_dir_.string());
    std::vector<std::filesystem::path> stale;
    for (const auto& entry : std::filesystem::directory_iterator(links_dir_, error)) {
        const auto [ifindex, from_pod] = parse_link_name(entry.path().filename());
        if (link_path(ifindex, from_pod) != entry.path())
            continue;  // not ours
        UniqueFd fd(bpf_obj_get(entry.path().c_str()));
        if (fd && interface_of(link_info(fd.get())) == ifindex)
            links_[{ifindex, from_pod}] = std::move(fd);
        else
            stale.push_back(entry.path());
    }
    for (const auto& path : stale)
        remove_pin(path, ObjectKind::link);
    return {};
}

Result<> Attachments::attach(uint32_t ifindex, int from_pod_fd, int to_pod_fd) {
    if (behind_.contains(ifindex))
        take_off(ifindex);
    if (lost_.contains(ifindex))
        forget(ifindex);
    fresh_.insert(ifindex);
    for (const bool from_pod : {true, false}) {
        const int program = from_pod ? from_pod_fd : to_pod_fd;
        auto done = mode_ == AttachMode::tcx ? attach_tcx(ifindex, from_pod, program)
                                             : attach_clsact(ifindex, from_pod, program);
        if (!done)
            return done;
        programs_[{ifindex, from_pod}] = program_id(program);
        // The older qdisc "ingress" takes the place of clsact, and has one chain for both directions.
        if (mode_ == AttachMode::clsact && from_pod && clsact_program(ifindex, false) == program_id(from_pod_fd)) {
            remove_clsact(ifindex);
            forget(ifindex);
            return fail(
                "interface {} has a qdisc 'ingress', where clsact has to be: tc qdisc del dev INTERFACE ingress",
                ifindex);
        }
    }
    exchanged_.erase(ifindex);
    return {};
}

Result<> Attachments::attach_tcx(uint32_t ifindex, bool from_pod, int program_fd) {
    const auto known = links_.find({ifindex, from_pod});
    if (known != links_.end()) {
        if (const int error = bpf_link_update(known->second.get(), program_fd, nullptr); error != 0)
            return fail_errno(error, "exchange the {} program of interface {}", hook_name(from_pod), ifindex);
        return {};
    }
    LIBBPF_OPTS(bpf_link_create_opts, in_front, .flags = kBefore);
    UniqueFd link(bpf_link_create(program_fd, static_cast<int>(ifindex), tcx_hook(from_pod), &in_front));
    if (!link)
        return fail_errno(errno, "create the {} tcx link of interface {}", hook_name(from_pod), ifindex);
    const auto path = link_path(ifindex, from_pod);
    // The directory may be gone, and the pin of an interface that had this index before be there.
    if (auto done = keep_pinned(Pin{path, link.get()}); !done)
        return tl::unexpected(done.error());
    links_[{ifindex, from_pod}] = std::move(link);
    return {};
}

Result<> Attachments::attach_clsact(uint32_t ifindex, bool from_pod, int program_fd) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = clsact_hook(from_pod));
    const int created = bpf_tc_hook_create(&hook);
    if (created != 0 && created != -EEXIST)
        return fail_errno(created, "create the clsact qdisc of interface {}", ifindex);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE, .handle = kHandle,
                .priority = kPriority);
    if (const int error = bpf_tc_attach(&hook, &options); error != 0)
        return fail_errno(error, "attach the {} filter to interface {}", hook_name(from_pod), ifindex);
    remove_pin(link_path(ifindex, from_pod), ObjectKind::link);  // of an agent that used TCX
    links_[{ifindex, from_pod}] = UniqueFd();
    return {};
}

void Attachments::take_off(uint32_t ifindex) {
    for (const bool from_pod : {true, false})
        if (const auto link = links_.find({ifindex, from_pod}); link != links_.end() && link->second)
            bpf_link_detach(link->second.get());
    if (mode_ == AttachMode::clsact)
        remove_clsact(ifindex);
    forget(ifindex);
}

void Attachments::forget(uint32_t ifindex) {
    behind_.erase(ifindex);
    exchanged_.erase(ifindex);
    lost_.erase(ifindex);
    fresh_.erase(ifindex);
    for (const bool from_pod : {true, false}) {
        programs_.erase({ifindex, from_pod});
        links_.erase({ifindex, from_pod});
        remove_pin(link_path(ifindex, from_pod), ObjectKind::link);
    }
}

bool Attachments::attached(uint32_t ifindex) const {
    return links_.contains({ifindex, true}) && links_.contains({ifindex, false}) && !behind_.contains(ifindex) &&
           !exchanged_.contains(ifindex);
}

std::set<uint32_t> Attachments::interfaces() const {
    std::set<uint32_t> result;
    for (const auto& [key, fd] : links_)
        result.insert(key.first);
    return result;
}

std::vector<Pin> Attachments::pins() const {
    std::vector<Pin> result;
    for (const auto& [key, fd] : links_)
        if (fd)
            result.push_back({link_path(key.first, key.second), fd.get()});
    return result;
}

// Asked of an interface when it was attached, and while audit() finds more programs there than ours. Those that turn
// out to be others' are not asked about again.
std::vector<std::string> Attachments::take_off_foreign() {
    std::set<uint32_t> asked = std::exchange(fresh_, {});
    for (const uint32_t ifindex : crowded_)
        if (examined_.insert(ifindex).second)
            asked.insert(ifindex);
    std::vector<std::string> told;
    std::optional<PinnedLinks> pinned;
    for (const uint32_t ifindex : asked) {
        const std::vector<uint32_t> own = own_links(ifindex);
        if (attached_programs(ifindex, true).size() + attached_programs(ifindex, false).size() <= own.size())
            continue;
        if (!pinned)
            pinned = find_pinned_links();
        for (const std::string& line : kernel::take_off_foreign(ifindex, own, *pinned))
            told.push_back(fmt::format("interface {}: {}", ifindex, line));
    }
    return told;
}

std::vector<uint32_t> Attachments::own_links(uint32_t ifindex) const {
    std::vector<uint32_t> own;
    for (const bool from_pod : {true, false})
        if (const auto link = links_.find({ifindex, from_pod}); link != links_.end() && link->second)
            own.push_back(object_id(link->second.get()).id);
    return own;
}

void remove_clsact(uint32_t ifindex) {
    for (const bool from_pod : {true, false})
        remove_filter(ifindex, from_pod);
}

}  // namespace catflap::kernel
