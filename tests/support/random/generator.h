// SPDX-License-Identifier: Apache-2.0
// Random clusters, changes of them, and packets: small, and biased to the corners where engines go
// wrong.
#pragma once

#include <cstdint>

#include "oracle/oracle.h"
#include "support/random/random.h"

namespace catflap::test {

// Everything follows from the seed, on every platform.
class Generator {
  public:
    explicit Generator(uint64_t seed) : random_(seed) {}

    // Up to 10 pods in 3 namespaces (one of them without an object at times), up to 6 NetworkPolicies, and in half of
    // the cases up to 5 policies of the cluster.
    Cluster cluster();
    // One change: labels, a pod that comes, goes, finishes or moves, a namespace that goes, a
    // policy edited or dropped.
    void mutate(Cluster& cluster);
    // A packet at a boundary of what the cluster's policies name: first and last addresses and
    // their neighbours, ports and their neighbours, pods' addresses; mostly at a pod of the node
    // under test.
    oracle::Hop probe(const Cluster& cluster);

  private:
    Random random_;
};

// The parts, for tests and for mutations. `used`: whose addresses to avoid, mostly.
Pod random_pod(Random& random, const ObjectName& name, const Cluster& used);
Policy random_policy(Random& random, const ObjectName& name);
PolicyName random_cluster_policy_name(Random& random);
ClusterPolicy random_cluster_policy(Random& random, const PolicyName& name);
Node random_node(Random& random, const std::string& name);
void change_cluster_policy(Random& random, Cluster& cluster);
void change_node(Random& random, Cluster& cluster);
Selector random_selector(Random& random);
Selector random_namespace_selector(Random& random);
IpBlock random_block(Random& random);
Labels random_labels(Random& random);
Labels random_namespace_labels(Random& random);
Address random_address(Random& random, Family family);

// The neighbour in its family, or the address itself at the family's end.
Address next_address(const Address& address);
Address previous_address(const Address& address);
Address last_address(const Prefix& prefix);

}  // namespace catflap::test
