// SPDX-License-Identifier: Apache-2.0
// Hears when somebody changes tables of nftables that are ours, so that a flush of all rules is mended at once and not
// with the next audit; and when others change rules of theirs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct nl_sock;

namespace catflap::netfilter {

class RulesetWatch {
  public:
    // tables: their names without family. Needs CAP_NET_ADMIN. What the receive buffer cannot hold counts as a change:
    // a ruleset of kube-proxy's is written in bursts.
    static Result<RulesetWatch> open(std::vector<std::string> tables, int receive_buffer_bytes = 1 << 20);
    RulesetWatch(RulesetWatch&&) noexcept;
    RulesetWatch& operator=(RulesetWatch&&) noexcept;
    ~RulesetWatch();

    // Readable when anything of any table has changed.
    [[nodiscard]] int fd() const;
    // Takes in what has happened so far; of very much of it, a part. True: one of the tables may have changed, by
    // whomever.
    bool changed();
    // Whether the last changed() heard of any table, chain or rule, whosever it is.
    [[nodiscard]] bool heard_of_rules() const { return heard_of_rules_; }

  private:
    struct SocketCloser {
        void operator()(nl_sock* socket) const;
    };
    RulesetWatch(nl_sock* socket, std::vector<std::string> tables);

    std::unique_ptr<nl_sock, SocketCloser> socket_;
    std::vector<std::string> tables_;
    bool heard_of_rules_ = false;
};

}  // namespace catflap::netfilter
