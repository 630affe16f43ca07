// SPDX-License-Identifier: Apache-2.0
// Whether what was attached is still attached, is asked first, and is the program that was put there.
#include <bpf/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>

#include "kernel/attach/attach.h"
#include "kernel/attach/first_filter.h"
#include "kernel/attach/foreign.h"
#include "kernel/attach/link_info.h"

namespace catflap::kernel {

// A program with another id reads other maps: an id is given once, and our programs are loaded with our maps. What an
// earlier agent put there is not known here, and is exchanged at the start.
bool Attachments::is_exchanged(uint32_t ifindex, bool from_pod, uint32_t program) const {
    const auto ours = programs_.find({ifindex, from_pod});
    return ours != programs_.end() && ours->second != 0 && ours->second != program;
}

// What cannot be found out is not held against them.
Attachments::Place Attachments::place_of(uint32_t ifindex, bool from_pod, int link_fd) {
    if (mode_ == AttachMode::clsact) {
        const uint32_t there = clsact_program(ifindex, from_pod);
        if (there != 0 && is_exchanged(ifindex, from_pod, there))
            return Place::exchanged;
        const auto first = first_filter(ifindex, from_pod);
        if (first && *first == FilterName{kPriority, kHandle})
            return Place::first;
        if (there == 0)
            return Place::gone;
        return first ? Place::behind : Place::first;
    }
    const bpf_link_info link = link_info(link_fd);
    if (interface_of(link) != ifindex)
        return Place::gone;
    if (is_exchanged(ifindex, from_pod, link.prog_id))
        return Place::exchanged;
    // A list that is too short for all of them is filled from the front.
    uint32_t first = 0;
    uint32_t count = 1;
    const auto hook = static_cast<bpf_attach_type>(tcx_attach_type(from_pod));
    const int error = bpf_prog_query(static_cast<int>(ifindex), hook, 0, nullptr, &first, &count) == 0 ? 0 : errno;
    if (count > 1)
        crowded_.insert(ifindex);
    return (error != 0 && error != ENOSPC) || first == link.prog_id ? Place::first : Place::behind;
}

bool Attachments::audit() {
    std::set<uint32_t> gone;
    lost_.clear();
    behind_.clear();
    exchanged_.clear();
    crowded_.clear();
    for (const auto& [key, fd] : links_) {
        const Place place = place_of(key.first, key.second, fd.get());
        if (place == Place::gone)
            gone.insert(key.first);
        else if (place == Place::behind)
            behind_.insert(key.first);
        else if (place == Place::exchanged)
            exchanged_.insert(key.first);
    }
    for (const uint32_t ifindex : behind_)
        if (warned_.insert(ifindex).second)
            spdlog::warn(
                "another program has come in front of ours on interface {}, where its TC_ACT_OK would end policy: ours are "
                "attached anew, as often as it comes back",
                ifindex);
    std::erase_if(warned_, [&](uint32_t ifindex) { return !behind_.contains(ifindex); });
    std::erase_if(examined_, [&](uint32_t ifindex) { return !crowded_.contains(ifindex); });
    for (const uint32_t ifindex : gone)
        forget(ifindex);
    return !gone.empty() || !behind_.empty() || !exchanged_.empty();
}

std::array<std::string, 2> Attachments::look_at(uint32_t ifindex) {
    std::array<std::string, 2> found;
    for (const bool from_pod : {true, false}) {
        std::string& sentence = found[from_pod ? 0 : 1];
        const auto link = links_.find({ifindex, from_pod});
        const Place place =
            link == links_.end() ? Place::gone : place_of(ifindex, from_pod, link->second ? link->second.get() : -1);
        if (place == Place::gone) {
            lost_.insert(ifindex);
            sentence = "no program of ours";
        } else if (place == Place::behind) {
            behind_.insert(ifindex);
            sentence = "another program in front of ours";
        } else if (place == Place::exchanged) {
            exchanged_.insert(ifindex);
            sentence = fmt::format(
                "program {} in place of ours, which is {}",
                mode_ == AttachMode::clsact ? clsact_program(ifindex, from_pod) : link_info(link->second.get()).prog_id,
                programs_.at({ifindex, from_pod}));
        }
    }
    return found;
}

std::vector<uint32_t> Attachments::others_at(uint32_t ifindex) const {
    std::vector<uint32_t> others;
    for (const bool from_pod : {true, false}) {
        const auto ours = programs_.find({ifindex, from_pod});
        for (const AttachedProgram& one : attached_programs(ifindex, from_pod))
            if (ours == programs_.end() || one.program != ours->second)
                others.push_back(one.program);
    }
    return others;
}

}  // namespace catflap::kernel
