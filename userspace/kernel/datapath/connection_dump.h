// SPDX-License-Identifier: Apache-2.0
// The connections of nf_conntrack, read in small steps: the kernel keeps the place of a dump in its socket, and goes on
// with it only when it is asked for more.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kernel/datapath/connections.h"

namespace catflap::kernel {

class ConnectionDump {
  public:
    static Result<ConnectionDump> begin();

    // Appends the next ones, at most a few hundred. A kernel without nf_conntrack has none.
    Result<> step(std::vector<Connection>& found);
    [[nodiscard]] bool over() const { return over_; }

  private:
    explicit ConnectionDump(UniqueFd socket) : socket_(std::move(socket)) {}

    UniqueFd socket_;
    bool over_ = false;
};

}  // namespace catflap::kernel
