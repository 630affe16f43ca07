// SPDX-License-Identifier: Apache-2.0
// Brings the kernel's chains and sets to a desired state, by differences only.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iptables/apply/delta.h"
#include "iptables/apply/saved.h"

namespace catflap::iptables {

enum class Backend : uint8_t { legacy, nft };
std::string to_string(Backend backend);

struct ApplyReport {
    size_t endpoint_chains_written = 0;
    size_t chains_written = 0;
    size_t members_written = 0;
    bool anything = false;  // was written: hooks and deletions count, too
};

struct Presence {
    bool ours = false;     // FORWARD or cali-FORWARD begins as we write it, in some family
    bool foreign = false;  // a family where they do not has chains of such names
    // In every family all hooks are the first rules, and cali-FORWARD begins as we write it and asks for all prefixes.
    bool complete = true;
};

class Engine {
  public:
    // Finds the programs; fails with the one that is missing. IPv6 is left out where the kernel has none.
    static Result<Engine> open(Backend backend);

    // The first time, and after a failure, compares with what the kernel holds, otherwise with what was written last.
    // A failure leaves each family and the sets at what they were, or at what was wanted.
    Result<ApplyReport> apply(const State& desired);

    // The counters of our chains' rules, by Family.
    [[nodiscard]] Result<std::array<std::map<std::string, std::vector<RuleCount>>, 2>> counts() const;

    // Takes our chains and hooks away, and nothing else. Our sets stay: they may be another backend's, too.
    Result<> remove_rules();
    // Reads only.
    [[nodiscard]] Result<Presence> presence(const std::vector<std::string>& interface_prefixes = {}) const;
    // The next apply() compares with the kernel: somebody else may have changed it.
    void doubt() { loaded_.reset(); }

    // What render() has to be asked for.
    [[nodiscard]] std::vector<Family> families() const;
    [[nodiscard]] Backend backend() const { return backend_; }

  private:
    struct Tools {
        std::string save;
        std::string restore;
    };
    explicit Engine(Backend backend) : backend_(backend) {}
    static bool begins_as_ours(const LoadedRules& rules);
    static bool is_complete(const LoadedRules& rules);
    [[nodiscard]] Result<Loaded> read() const;
    [[nodiscard]] Result<LoadedRules> read_rules(size_t family) const;
    [[nodiscard]] Result<> write_rules(size_t family, const std::string& rules) const;
    [[nodiscard]] Result<> write_sets(const std::string& sets) const;
    [[nodiscard]] Result<> execute(const Plan& plan) const;

    Backend backend_;
    std::string ipset_;
    std::array<std::optional<Tools>, 2> tools_;  // by Family
    std::optional<Loaded> loaded_;               // nothing: what is in force has to be read
};

// Takes our rules of both backends away, as far as these are installed, and then our sets; looks first whether they are
// ours: another agent's chains may have the same names. other_than: keeps that backend's rules, and the sets.
Result<> remove_engines(std::optional<Backend> other_than = {});

// True: our chains are complete in all families of a backend, hooked in, and ask for interfaces of all these prefixes:
// of these they drop what they do not know.
bool chains_are_in_force(const std::vector<std::string>& interface_prefixes);

}  // namespace catflap::iptables
