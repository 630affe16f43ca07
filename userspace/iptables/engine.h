// SPDX-License-Identifier: Apache-2.0
// Brings the kernel's chains and sets to a desired state, by differences only.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iptables/delta.h"
#include "iptables/saved.h"

namespace catflap::iptables {

enum class Backend : uint8_t { legacy, nft };
std::string_view to_string(Backend backend);

struct ApplyReport {
    size_t chains_written = 0;
    size_t members_written = 0;
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

    // Takes our chains, hooks and sets away, and nothing else.
    Result<> remove();
    // True: FORWARD holds the jump as we write it, in some family. Reads only.
    [[nodiscard]] Result<bool> is_present() const;

    // What render() has to be asked for.
    [[nodiscard]] std::vector<Family> families() const;
    [[nodiscard]] Backend backend() const { return backend_; }

  private:
    struct Tools {
        std::string save;
        std::string restore;
    };
    explicit Engine(Backend backend) : backend_(backend) {}
    [[nodiscard]] Result<Loaded> read() const;
    [[nodiscard]] Result<LoadedRules> read_rules(size_t family) const;
    [[nodiscard]] Result<> write_rules(size_t family, const std::string& rules) const;
    [[nodiscard]] Result<> write_sets(const std::string& sets) const;
    Result<> execute(const Plan& plan) const;

    Backend backend_;
    std::string ipset_;
    std::array<std::optional<Tools>, 2> tools_;  // by Family
    std::optional<Loaded> loaded_;               // nothing: what is in force has to be read
};

// Of both backends, as far as they are installed.
Result<> remove_everything();

}  // namespace catflap::iptables
