// SPDX-License-Identifier: Apache-2.0
// The programs' hold on the interfaces: TCX links where the kernel has them (6.6), clsact filters otherwise. Either
// stays when the agent goes, and changes its program without a gap. Both are in front of everybody else's programs, for
// a program that answers TC_ACT_OK ends the way of the packet, past all behind it.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/attach/pins.h"

namespace catflap::kernel {

enum class AttachMode : uint8_t { tcx, clsact };
std::string_view to_string(AttachMode mode);

// What this kernel offers for a loaded program.
AttachMode probe_attach_mode(int program_fd);

class Attachments {
  public:
    // links_dir: where the links of TCX are pinned.
    Attachments(AttachMode mode, std::filesystem::path links_dir) : mode_(mode), links_dir_(std::move(links_dir)) {}

    [[nodiscard]] AttachMode mode() const { return mode_; }
    // Takes up the links that an earlier agent pinned; drops those whose interface has gone.
    Result<> adopt();
    // Attaches both programs to the interface, or exchanges what is attached for them. Where others have come in front
    // of them, they are taken off, and put in front again: close the interface before.
    Result<> attach(uint32_t ifindex, int from_pod_fd, int to_pod_fd);
    // Forgets attachments whose interface has gone, though another may have its index by now, and finds those that are
    // not asked first. True: there were some.
    bool audit();
    // Of one interface at this moment, as audit() looks at all of them; attach() mends it. A sentence for each hook at
    // which the program that attach() put there is not in place; "": it is.
    [[nodiscard]] std::array<std::string, 2> look_at(uint32_t ifindex);  // from_pod, to_pod
    // Others' programs at the hooks of an interface, of TCX.
    [[nodiscard]] std::vector<uint32_t> others_at(uint32_t ifindex) const;
    // For an interface that has gone: forgets it.
    void forget(uint32_t ifindex);
    // And asked first, at the last audit.
    [[nodiscard]] bool attached(uint32_t ifindex) const;
    [[nodiscard]] std::set<uint32_t> interfaces() const;
    // The links of TCX.
    [[nodiscard]] std::vector<Pin> pins() const;
    // Takes off what another catflap left on our interfaces; returns a line for each program.
    std::vector<std::string> take_off_foreign();

  private:
    [[nodiscard]] std::vector<uint32_t> own_links(uint32_t ifindex) const;
    Result<> attach_tcx(uint32_t ifindex, bool from_pod, int program_fd);
    Result<> attach_clsact(uint32_t ifindex, bool from_pod, int program_fd);
    // exchanged: the link is ours, and its program is not.
    enum class Place : uint8_t { first, behind, gone, exchanged };
    [[nodiscard]] bool is_exchanged(uint32_t ifindex, bool from_pod, uint32_t program) const;
    [[nodiscard]] Place place_of(uint32_t ifindex, bool from_pod, int link_fd);
    // The kernel's part of it; returns when the programs are off.
    void take_off(uint32_t ifindex);
    [[nodiscard]] std::filesystem::path link_path(uint32_t ifindex, bool from_pod) const;

    AttachMode mode_;
    std::filesystem::path links_dir_;
    std::map<std::pair<uint32_t, bool>, UniqueFd> links_;     // (ifindex, is from_pod); clsact: without a descriptor
    std::map<std::pair<uint32_t, bool>, uint32_t> programs_;  // ids of those that attach() put there
    std::set<uint32_t> lost_;                                 // that look_at() found without ours
    std::set<uint32_t> exchanged_;                            // where others' are in their place
    std::set<uint32_t> behind_;                               // others' programs
    std::set<uint32_t> warned_;                               // of these, not for the first time
    std::set<uint32_t> crowded_;                              // others' programs, in front or behind
    std::set<uint32_t> fresh_;                                // attached since take_off_foreign()
    std::set<uint32_t> examined_;                             // of these: whether they are another catflap's
};

// Removes the clsact filters that catflap left on an interface.
void remove_clsact(uint32_t ifindex);
// The id of the program of catflap's filter; 0: there is none.
uint32_t clsact_program(uint32_t ifindex, bool from_pod);
// enum bpf_attach_type of TCX.
uint32_t tcx_attach_type(bool from_pod);

}  // namespace catflap::kernel
