// SPDX-License-Identifier: Apache-2.0
// Several files' objects -> one cluster, with the last good version of whatever was refused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "model/changes.h"
#include "model/cluster.h"
#include "source/decode/decode.h"

namespace catflap::source {

// What is about to be done: files to take, and to remove.
struct Proposal {
    std::map<std::string, Decoded> taken;
    std::vector<std::string> removed;
};

// One object as one file has it, for a cache.
struct KeptClaim {
    bool stands_in = false;
    std::string manifest;
};

// Applies one file's difference at a time, so that a change of a small file costs nothing in a
// large cluster.
class Catalog {
  public:
    // Takes what a file holds now. An object that was refused keeps the version that this file held
    // last; where a refusal names no object (or the file is unreadable), so does every object that
    // is not in the file any more. A policy that was refused and has no earlier version anywhere is
    // represented by its stand-in.
    void take(const std::string& file, Decoded decoded);
    void remove(const std::string& file);
    // Takes what one object of a file is now; the file's others stay as they are. A refused object keeps its last
    // version, as above. key: the object's.
    void take_object(const std::string& file, const std::string& key, Decoded decoded);
    void remove_object(const std::string& file, const std::string& key);
    // Whether this would take away the last pod of the node, or the last policy. False where there was none.
    [[nodiscard]] bool loses_last_pod(const Proposal& proposal, const std::string& node) const;
    [[nodiscard]] bool loses_last_policy(const Proposal& proposal) const;
    // Whether the file has a policy in force that no other file has.
    [[nodiscard]] bool alone_has_a_policy(const std::string& file) const;
    // True: the cluster or the diagnostics changed since the last call.
    bool publish();

    [[nodiscard]] const Cluster& cluster() const { return cluster_; }
    // Of the cluster, since the last take_changes().
    [[nodiscard]] const Changes& changes() const { return changes_; }
    Changes take_changes() { return std::exchange(changes_, {}); }
    [[nodiscard]] const std::vector<Diagnostic>& refusals() const { return refusals_; }
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const { return warnings_; }

    // Notes from now on which claims change: what a file has, and has not any more.
    void follow_claims() { follows_ = true; }
    [[nodiscard]] size_t unseen_claims() const { return touched_.size() + given_up_.size(); }
    // Calls see(file, key, claim) for up to so many of them; no claim: given up. False from see(): it comes again.
    using See = std::function<bool(const std::string& file, const std::string& key, std::optional<KeptClaim> claim)>;
    void see_claims(size_t count, const See& see);

  private:
    // A file that holds an object. The first file by name has it in the cluster, the others have
    // theirs here. Stand-ins come last.
    struct Claim {
        const std::string* file = nullptr;  // its name in files_, which it does not outlive
        int line = 0;
        bool stands_in = false;
        std::unique_ptr<Object> shadowed;
    };
    using Claims = std::unordered_map<std::string, std::vector<Claim>>;

    struct File {
        std::vector<const std::string*> keys;  // of claims_; by address
        std::vector<Diagnostic> refusals;
        std::vector<Diagnostic> warnings;
    };

    using FileAndKey = std::pair<const std::string*, const std::string*>;

    const std::string* claim(const std::string& file_name, LocatedObject located);
    // Where a stand-in is needed and allowed, its key goes to `keys`.
    void claim_stand_ins(const std::string& file_name, std::vector<LocatedObject> stand_ins,
                         std::vector<const std::string*>& keys);
    void place_claim(Claims::value_type& entry, const std::string& file, LocatedObject located);
    void drop_claim(Claims::value_type& entry, std::vector<Claim>::iterator place);
    void release(const std::string& file, const std::string& key);
    bool put(Object object);
    void touch(const std::string& file, const std::string& key);
    [[nodiscard]] bool has_good_claim(const std::string& file, const std::string& key) const;
    // What is in force instead, for each of a file's refusals.
    void say_what_is_in_force(const std::string& file_name, const std::unordered_set<std::string>& taken,
                              std::vector<Diagnostic>& refusals) const;
    template <class T, class Wanted>
    bool loses_last(const std::map<ObjectName, T>& now, std::string_view kind, const Proposal& proposal,
                    Wanted wanted) const;
    [[nodiscard]] std::optional<KeptClaim> kept_claim(const std::string& file, const std::string& key) const;
    void add_conflicts(std::vector<Diagnostic>& refusals) const;

    Cluster cluster_;
    Changes changes_ = Changes::all();  // nobody has looked yet
    Claims claims_;
    std::map<std::string, File> files_;
    std::set<std::string> contested_;  // keys with more than one claim
    std::vector<Diagnostic> refusals_;
    std::vector<Diagnostic> warnings_;
    bool changed_ = false;
    bool follows_ = false;
    std::set<FileAndKey> touched_;  // names in files_ and claims_
    std::set<std::pair<std::string, std::string>> given_up_;
};

}  // namespace catflap::source
