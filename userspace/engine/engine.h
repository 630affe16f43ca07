// SPDX-License-Identifier: Apache-2.0
// An engine that enforces the resolved state on the node's interfaces: eBPF programs, or iptables rules. The agent says
// what is to be enforced; how, and what there is to show of it, is the engine's.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/mends.h"
#include "agent/options.h"
#include "base/result.h"
#include "compile/commit/committer.h"
#include "kernel/attach/pins.h"
#include "report/page.h"

namespace catflap::agent {

struct AgentState;

class Dataplane {
  public:
    virtual ~Dataplane() = default;

    // A failure leaves enforced what was enforced before.
    virtual Result<compile::CommitReport> commit(const compile::Desired& desired) = 0;
    // After a failed commit. True: what is enforced stays, but only another Dataplane can change it.
    [[nodiscard]] virtual bool broken() const { return false; }
    // How much of what grows it was opened with.
    [[nodiscard]] virtual compile::Capacity capacity() const { return {}; }
    // True: better at once than within a second.
    [[nodiscard]] virtual bool collect_soon() const { return false; }
    // Gives back what earlier commits retired. waited: a grace period has begun since the last commit, and is over;
    // else this waits for one. True: commit again, there is something to tidy up.
    virtual Result<bool> collect([[maybe_unused]] bool waited) { return false; }

    // After the first commit, before the first interface: connections that began before any agent. Returns how many
    // were taken over; nothing where none had to be.
    virtual Result<std::optional<size_t>> adopt_connections() { return std::optional<size_t>(); }
    // It has to be asked, and was not yet.
    [[nodiscard]] virtual bool owes_connections() const { return false; }
    // So does this one, which comes in the place of one that never got so far.
    virtual void owe_connections() {}
    // After the first interfaces: takes the place of an earlier agent of the same mode.
    virtual Result<> take_over() { return {}; }

    // An interface is judged from its attaching on: by the last commit, if that knew it under this index and name.
    virtual Result<> attach(uint32_t ifindex, const std::string& interface) = 0;
    [[nodiscard]] virtual bool attached(uint32_t ifindex) const = 0;
    // What is gone among the interfaces is forgotten.
    virtual void keep_only(const std::vector<uint32_t>& present) = 0;
    // Looks whether what is enforced is still there. True: commit again.
    virtual bool audit() = 0;
    // What audit() found changed by others and put right since the last call, and what it took away of another catflap.
    virtual std::vector<Mended> take_mends() { return {}; }
    // What has to be pinned for the next agent.
    [[nodiscard]] virtual std::vector<kernel::Pin> pins() const { return {}; }
    // False: interfaces are told by their names, so one that was renamed away from cali* is out of reach.
    [[nodiscard]] virtual bool follows_renames() const { return true; }
    // True: verdicts depend on what nf_conntrack says, and nothing of the engine's own keeps it at work.
    [[nodiscard]] virtual bool asks_conntrack() const { return false; }
    // By which the interfaces are attached: "tcx", "iptables-nft".
    [[nodiscard]] virtual std::string attached_by() const = 0;

    // A page of `catflap get KIND`, see docs/cli.md. Fails with a sentence where this engine has none of the kind.
    virtual Result<> list(const AgentState& state, report::Page& page) const = 0;
    // The engine's part of `catflap status`: counts, maps, health.
    [[nodiscard]] virtual nlohmann::json status(const AgentState& state) const = 0;
};

// Of options.mode; at least so large.
Result<std::unique_ptr<Dataplane>> open_dataplane(const Options& options, const compile::Capacity& capacity);

// Takes away what an agent of another mode left: call it when this mode's dataplane enforces everything.
Result<> remove_other_dataplanes(const Options& options, const std::vector<uint32_t>& interfaces);
// Of every mode.
Result<> remove_dataplanes(const Options& options, const std::vector<uint32_t>& interfaces);

}  // namespace catflap::agent
