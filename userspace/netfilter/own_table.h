// SPDX-License-Identifier: Apache-2.0
// A table of nftables that is ours, whoever else has tables beside it.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace catflap::netfilter {

// Runs commands of nft's language as one transaction; returns what nft prints, by NFT_CTX_OUTPUT_* flags. Needs
// CAP_NET_ADMIN. nft(8).
Result<std::string> run_nft(const std::string& commands, unsigned output_flags = 0);

// Not shared by agents: each knows the table as it made it.
class OwnTable {
  public:
    // Family and name, as nft takes them: "inet catflap". Changes nothing yet.
    explicit OwnTable(std::string name) : name_(std::move(name)) {}

    // The table becomes what the commands make of it, in one transaction. They have to start from any state of it. What
    // others added and the commands do not know stays.
    Result<> make(const std::string& commands);
    // Makes it again if somebody else has changed it or taken it away since, or if it could not be made before. True:
    // it had to be made.
    Result<bool> audit();
    // It is no error if there is none.
    Result<> remove();

  private:
    [[nodiscard]] Result<std::string> make_once(const std::string& commands) const;
    [[nodiscard]] Result<std::string> text() const;

    std::string name_;
    std::string commands_;
    std::string made_;  // the table as nft prints it, without counts
};

}  // namespace catflap::netfilter
