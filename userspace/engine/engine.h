// SPDX-License-Identifier: Apache-2.0
// An engine enforces the resolved state on the node's interfaces: by eBPF programs, or by iptables rules. The agent
// says what is to be enforced; how, and what there is to show of it, is the engine's business.
#pragma once

#include <catflap/abi.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "compile/classes/masks.h"
#include "compile/plan/loaded.h"
#include "engine/comparison.h"
#include "engine/events.h"
#include "engine/mends.h"
#include "engine/options.h"
#include "engine/view.h"
#include "kernel/attach/uplink_links.h"
#include "kernel/attach/pins.h"
#include "report/engine_status.h"
#include "report/page.h"

namespace catflap::engine {

// What a commit did, in terms of no engine.
struct CommitReport {
    size_t endpoints_changed = 0;
    size_t addresses_changed = 0;
    size_t tables_written = 0;  // or chains
    std::vector<compile::MixedService> mixed_services;
    std::vector<compile::EndpointSpec> without_place;  // interfaces that found no place, and stay closed
};

// On the uplinks: what policy denies and belongs to no connection is dropped before the node's stack.
struct EarlyDrop {
    std::string hook;  // "tc", "xdp-generic", "xdp-native"
    std::string off;   // why there is none; "": there is
};

class Engine {
  public:
    virtual ~Engine() = default;

    // A failure leaves enforced what was enforced before; the error's code is compile::kDoesNotFit where the state is
    // too large. Changes that a failed commit was told of count for the next one, too.
    virtual Result<CommitReport> commit(const compile::Desired& desired) = 0;
    // After a failed commit. True: what is enforced stays, but only another Engine can change it.
    [[nodiscard]] virtual bool broken() const { return false; }
    // How much of what grows it was opened with.
    [[nodiscard]] virtual compile::Capacity capacity() const { return {}; }

    // Earlier commits retire what packets may still be reading. It is given back after a grace period, in the
    // background: readable when one is over, then call reclaim(). -1: this engine has nothing to wait for.
    [[nodiscard]] virtual int fd() const { return -1; }
    // Once a second: begins a grace period, if one is due and none is under way.
    virtual void begin_reclaiming() {}
    // True: commit again, there is something to tidy up.
    virtual Result<bool> reclaim() { return false; }
    // The same at once: waits for a grace period.
    virtual Result<bool> reclaim_now() { return false; }

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

    // True: a flow between two pods of this node may go from the one's interface straight to the other's, where the
    // gates of both allow it. False: nothing comes of set_gates().
    [[nodiscard]] virtual bool redirects() const { return false; }
    // By ifindex; who is not named has a closed one. To be called after each commit, too: a pod begins with a closed
    // gate. uplinks, likewise: those by which such a flow may go straight to another node, or come from one. Returns a
    // sentence for each of them that has no program.
    virtual std::map<uint32_t, std::string> set_gates(const std::map<uint32_t, catflap_redirect_gate>& /*gates*/,
                                                      const std::map<uint32_t, catflap_uplink>& /*uplinks*/) {
        return {};
    }
    // "": there may be uplinks among them; else why not.
    [[nodiscard]] virtual std::string refuses_uplinks() const { return "this engine has no programs there"; }
    // What others have at these interfaces of pods, or at these uplinks, that such a flow would go past: a sentence by
    // ifindex.
    [[nodiscard]] virtual Result<std::map<uint32_t, std::string>> others_at(const std::set<uint32_t>& /*interfaces*/,
                                                                            const std::set<uint32_t>& /*uplinks*/) {
        return std::map<uint32_t, std::string>();
    }

    [[nodiscard]] virtual EarlyDrop early_drop() const { return {"", "this engine has none"}; }
    // All uplinks, by ifindex: nothing comes of it before the first commit, and none keeps a program where early_drop()
    // is off. To be called again and again: attaches what others took off, and tries again what was refused. Returns a
    // sentence for each that has no program.
    virtual std::map<uint32_t, std::string> set_uplinks(const std::set<uint32_t>& /*uplinks*/) { return {}; }

    // By which the interfaces are attached: "tcx", "iptables-nft".
    [[nodiscard]] virtual std::string attached_by() const = 0;

    // What is loaded for a new connection at this interface, of the pod (egress) or to it; remote and port: those that
    // policies speak of. Nothing: this engine cannot be asked, or does not know the interface.
    [[nodiscard]] virtual std::optional<bool> admits(uint32_t /*ifindex*/, resolve::Direction /*direction*/,
                                                     const Address& /*remote*/, uint8_t /*protocol*/,
                                                     uint16_t /*port*/) const {
        return std::nullopt;
    }

    // nullptr: this engine has nothing of the kind, or nothing that takes so little time that it may be done without
    // being asked for.
    virtual std::unique_ptr<Comparison> compare(const ComparisonOrder& /*order*/, bool /*asked*/) { return nullptr; }
    // Single packets, for `catflap monitor`. To be called again and again while somebody listens: it ends by itself
    // after a while. Fails with a sentence where this engine tells of none.
    virtual Result<> listen(const Listening& what) {
        return what.any() ? fail("this engine tells of no single packets: monitor needs mode ebpf or audit")
                          : Result<>{};
    }
    // The oldest first, at most so many; the rest waits. Returns how many there were.
    virtual size_t read_events(size_t /*most*/, const TakeEvent& /*take*/) { return 0; }
    [[nodiscard]] virtual EventLosses event_losses() const { return {}; }

    // A page of `catflap get KIND`, see docs/cli.md. Fails with a sentence where this engine has none of the kind.
    virtual Result<> list(const View& view, report::Page& page) const = 0;
    // The engine's part of `catflap status`.
    [[nodiscard]] virtual report::EngineStatus status(const View& view) const = 0;
};

// Where engines come from; a test has its own.
class Engines {
  public:
    virtual ~Engines() = default;
    // Of options.mode; at least so large.
    virtual Result<std::unique_ptr<Engine>> open(const Options& options, const compile::Capacity& capacity) = 0;
    // Takes away what an agent of another mode left: call it when this mode's engine enforces everything.
    virtual Result<> remove_others(const Options& options, const std::vector<uint32_t>& interfaces) = 0;
};

// eBPF and iptables, in the kernel.
class RealEngines final : public Engines {
  public:
    Result<std::unique_ptr<Engine>> open(const Options& options, const compile::Capacity& capacity) override;
    Result<> remove_others(const Options& options, const std::vector<uint32_t>& interfaces) override;
    // Of every mode.
    static Result<> remove_all(const Options& options, const std::vector<uint32_t>& interfaces);

  private:
    // They outlive an engine: its programs stay on the uplinks until those of the next one are complete.
    std::shared_ptr<kernel::UplinkPrograms> uplink_programs_ = std::make_shared<kernel::UplinkPrograms>();
};

}  // namespace catflap::engine
