// SPDX-License-Identifier: Apache-2.0
// Closes pods' interfaces that no program judges: one that has just appeared, one that could not be attached to, one
// that came while no agent ran. At netfilter's hooks everything is dropped that is forwarded from or to an
// interface with a pod's name, or that it sends to the node, unless the interface is in the device group kJudged; the
// agent puts it there when both programs are attached. The group belongs to the device and goes with it, so no list of
// ours can be out of date. An interface that lost its programs goes into the group kClosed, which is closed under any
// name. By BPF programs where the kernel lets them into netfilter (6.4), by a table of nftables elsewhere.
//
// Without it a packet could pass between the moment in which the kernel makes an interface and that in which the agent
// hears of it. What it costs: docs/semantics.md, "No window".
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/guard_nft.h"
#include "kernel/attach/guard_links.h"
#include "model/interface_prefixes.h"
#include "netfilter/own_table.h"

struct nl_sock;

namespace catflap::guard {

enum class GuardKind : uint8_t { off, bpf, nft };
std::string_view to_string(GuardKind kind);

class Guard {
  public:
    static constexpr uint32_t kJudged = CATFLAP_GROUP_JUDGED;
    static constexpr uint32_t kClosed = CATFLAP_GROUP_CLOSED;

    // Opens what is needed; changes nothing yet. Needs CAP_NET_ADMIN.
    static Result<Guard> open(const std::filesystem::path& pin_dir, const InterfacePrefixes& prefixes);
    Guard(Guard&&) noexcept;
    Guard& operator=(Guard&&) noexcept;
    ~Guard();

    // From now on only interfaces in the group kJudged are open. It can be called again: then a new guard takes the
    // place of the one before.
    Result<> close_others(bool only_nft);
    // Likewise, but only interfaces in the group kClosed are closed: the engine closes those that it does not know.
    Result<> close_closed();
    [[nodiscard]] GuardKind kind() const { return kind_; }
    [[nodiscard]] bool closed() const { return kind_ != GuardKind::off; }
    // Makes again what somebody else has changed or taken away (nft flush ruleset, a link that was detached). True: so
    // it was.
    Result<bool> audit();
    // What has to be pinned so that it holds while no agent runs.
    [[nodiscard]] std::vector<kernel::Pin> pins() const { return links_.pins(); }
    Result<> judged(uint32_t ifindex);
    // Closed again: its programs are gone.
    Result<> unjudged(uint32_t ifindex);
    // What is not among the datapath's drop counters, where the programs count.
    [[nodiscard]] Result<GuardCount> dropped_by_table() const;

    // Takes either guard away. Interfaces stay in their groups: that tells which ones were judged.
    Result<> open_all();
    // And the interfaces out of the groups, too.
    Result<> remove(const std::vector<uint32_t>& interfaces);

  private:
    struct SocketCloser {
        void operator()(nl_sock* socket) const;
    };
    Guard(std::filesystem::path pin_dir, InterfacePrefixes prefixes);
    Result<> set_group(uint32_t ifindex, uint32_t group);
    Result<> make_table(GuardScope scope);

    std::filesystem::path pin_dir_;
    InterfacePrefixes prefixes_;
    std::unique_ptr<nl_sock, SocketCloser> socket_;
    GuardKind kind_ = GuardKind::off;
    netfilter::OwnTable table_;
    kernel::GuardLinks links_;
};

}  // namespace catflap::guard
