// SPDX-License-Identifier: Apache-2.0
// Where the cluster's state comes from, whatever that is: a directory of manifests, the Kubernetes API.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/changes.h"
#include "model/cluster.h"
#include "source/cache/cache.h"
#include "source/decode/decode.h"

namespace catflap::source {

// How one kind of object is kept up to date, by a source that asks a server for each.
struct FeedStatus {
    std::string resource;                              // "networkpolicies.networking.k8s.io"
    bool synced = false;                               // a list of this run is in what the source holds
    bool absent = false;                               // the server does not know the kind: nobody installed it
    std::string error;                                 // why it is not up to date; "": it is
    std::chrono::system_clock::time_point heard_at{};  // the server's last word; the epoch: none in this run
    uint64_t lists = 0;
    uint64_t watches = 0;
    uint64_t events = 0;
};

// What others of the cluster may know of this agent.
struct Presence {
    std::string mode;   // "ebpf"
    std::string state;  // "enforcing", or what is not in order: "source-stale,refused"

    bool operator==(const Presence&) const = default;
};

// The Lease by which a source tells of it.
struct LeaseStatus {
    std::string name;  // "catflap-leases/catflap.node-1"
    std::optional<std::chrono::system_clock::time_point> renewed_at;
    std::string error;         // why the last attempt did not renew it; ""
    bool not_allowed = false;  // by what no time mends: a right is missing, or the namespace
};

// A NetworkPolicy that is not enforced as it stands.
struct RefusedPolicy {
    std::string ns;
    std::string name;
    std::string reason;  // a word, "DoesNotFit": an Event's
    std::string why;     // a sentence: what is wrong, and what is in force in its place

    auto operator<=>(const RefusedPolicy&) const = default;
};

class Source {
  public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    Source(Source&&) noexcept = default;
    Source& operator=(Source&&) noexcept = default;
    virtual ~Source() = default;

    // "directory /etc/catflap/source", "cluster https://10.96.0.1:443".
    [[nodiscard]] virtual std::string describe() const = 0;
    // Readable (poll) when refresh() has something to do.
    [[nodiscard]] virtual int fd() const = 0;

    // Takes in every change up to now. True: cluster(), refusals() or warnings() changed. Fails where what the source
    // says now cannot be read, or cannot be meant; all of what it held last stays then, and a later call recovers.
    // patient: what may be a passing state is looked at again before it is believed.
    virtual Result<bool> refresh(bool patient) = 0;
    // Why a part of what it holds may be out of date, though the rest goes on.
    [[nodiscard]] virtual Result<> is_up_to_date() const { return {}; }
    // Whether it holds a state that may be enforced: one that was read as a whole, or that a cache has kept.
    [[nodiscard]] virtual Result<> is_complete() const = 0;
    // The node whose last Pod does not go away in silence; "": Pods may go.
    virtual void expect_pods_of(const std::string& node) = 0;
    // Somebody has said that a source without Pods of this node is meant.
    [[nodiscard]] virtual bool emptied_on_purpose() const = 0;
    // The next refresh() looks at everything again, whatever was heard of it.
    virtual void doubt() = 0;
    // Asks for all of what it is from now on. Returns the number of this question, for has_answered().
    virtual uint64_t ask() { return 0; }
    // refresh() has taken in the answer, or one to a later question. A source that answers in refresh() always has.
    [[nodiscard]] virtual bool has_answered(uint64_t) const { return true; }

    [[nodiscard]] virtual const Cluster& cluster() const = 0;
    // What refresh() changed in it since the last take_changes().
    [[nodiscard]] virtual const Changes& changes() const = 0;
    virtual Changes take_changes() = 0;
    // When the first of changes() had come, where that was before refresh() took it in.
    [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point> first_seen() const { return {}; }
    [[nodiscard]] virtual const std::vector<Diagnostic>& refusals() const = 0;
    [[nodiscard]] virtual const std::vector<Diagnostic>& warnings() const = 0;
    // By kind, where they come separately.
    [[nodiscard]] virtual std::vector<FeedStatus> feeds() const { return {}; }

    // ---- Presence ----
    // What is told of this agent from now on, by a source that can tell others. Never waits.
    virtual void set_presence(const Presence&) {}
    // All policies that are refused now, for their owners.
    virtual void set_refused_policies(const std::vector<RefusedPolicy>&) {}
    // Why their owners are not told, where no time mends it; "".
    [[nodiscard]] virtual std::string cannot_tell_owners() const { return ""; }
    // Nothing: it does not tell.
    [[nodiscard]] virtual std::optional<LeaseStatus> lease() const { return {}; }

    // ---- The cache ----
    // Whether save() has something to do now.
    [[nodiscard]] virtual bool unsaved() const = 0;
    // Writes a part of what changed, at most some milliseconds' worth; to be called when it is enforced.
    virtual Result<> save() = 0;
    // nullptr: there is none.
    [[nodiscard]] virtual const CacheStatus* cache_status() const = 0;
};

}  // namespace catflap::source
