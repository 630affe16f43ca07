// SPDX-License-Identifier: Apache-2.0
// Several files' objects -> one cluster, with the last good version of whatever was refused.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/changes.h"
#include "model/cluster.h"
#include "source/decode/decode.h"

namespace catflap::source {

// Applies one file's difference at a time, so that a change of a small file costs nothing in a
// large cluster.
class Catalog {
  public:
    // Takes what a file holds now. An object that was refused keeps the version that this file held
    // last; where a refusal names no object (or the file is unreadable), so does every object that
    // is not in the file any more.
    void take(const std::string& file, Decoded decoded);
    void remove(const std::string& file);
    // True: the cluster or the diagnostics changed since the last call.
    bool publish();

    [[nodiscard]] const Cluster& cluster() const { return cluster_; }
    // Of the cluster, since the last take_changes().
    [[nodiscard]] const Changes& changes() const { return changes_; }
    Changes take_changes() { return std::exchange(changes_, {}); }
    [[nodiscard]] const std::vector<Diagnostic>& refusals() const { return refusals_; }
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const { return warnings_; }

  private:
    // A file that holds an object. The first file by name has it in the cluster, the others have
    // theirs here.
    struct Claim {
        const std::string* file = nullptr;  // its name in files_, which it does not outlive
        int line = 0;
        std::unique_ptr<Object> shadowed;
    };
    using Claims = std::unordered_map<std::string, std::vector<Claim>>;

    struct File {
        std::vector<const std::string*> keys;  // of claims_; by address
        std::vector<Diagnostic> refusals;
        std::vector<Diagnostic> warnings;
    };

    const std::string* claim(const std::string& file_name, LocatedObject located);
    void release(const std::string& file, const std::string& key);
    void put(Object object);
    void add_conflicts(std::vector<Diagnostic>& refusals) const;

    Cluster cluster_;
    Changes changes_ = Changes::all();  // nobody has looked yet
    Claims claims_;
    std::map<std::string, File> files_;
    std::set<std::string> contested_;  // keys with more than one claim
    std::vector<Diagnostic> refusals_;
    std::vector<Diagnostic> warnings_;
    bool changed_ = false;
};

}  // namespace catflap::source
