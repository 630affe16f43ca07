// SPDX-License-Identifier: Apache-2.0
// What can judge a hop: the oracle, the compiled tables, the kernel. Truth tables and fuzzing ask
// all of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oracle/oracle.h"

namespace catflap::test {

// The node under test: pods without a node of their own are here.
inline const std::string kLocalNode = "n1";

class Executor {
  public:
    Executor() = default;
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    virtual ~Executor() = default;

    [[nodiscard]] virtual std::string name() const = 0;
    // A cluster of its own, as at an agent's first start: nothing of what was loaded before counts.
    virtual Result<void> start(const Cluster& cluster) = 0;
    // The same cluster after a change, the way an agent takes it in.
    virtual Result<void> update(const Cluster& cluster) { return start(cluster); }
    // Why it does not enforce what is in this cluster; "": it does. Nothing of such a cluster is put before it.
    [[nodiscard]] virtual std::string cannot_take(const Cluster&) const { return ""; }
    // A new connection. The hop's pod is one that carries() accepts.
    virtual Result<bool> allowed(const oracle::Hop& hop) = 0;
    // Whether this hop can be put before this executor in the loaded cluster; what it cannot be
    // asked, it cannot get wrong.
    [[nodiscard]] virtual bool carries(const Cluster& cluster, const oracle::Hop& hop) const = 0;
};

using ExecutorFactory = std::function<std::unique_ptr<Executor>()>;

// The pod's address of the remote's family; unset where it has none.
Address local_address(const Cluster& cluster, const oracle::Hop& hop);

// The carries() of everything that judges packets on veths: a pod of this node with an address of
// the remote's family, not on the node's own network and not finished, and not talking to itself
// (such packets never leave the pod).
bool crosses_a_veth(const Cluster& cluster, const oracle::Hop& hop);

std::unique_ptr<Executor> make_oracle_executor();

// "a/web ingress from 10.0.0.2, 80/TCP"
std::string to_string(const oracle::Hop& hop);

}  // namespace catflap::test
