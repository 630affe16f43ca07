// SPDX-License-Identifier: Apache-2.0
// Truth tables: {cluster, policies, packets allowed, packets dropped} in YAML.
// tests/table/README.md has the format.
#pragma once

#include <string>
#include <vector>

#include "oracle/oracle.h"

namespace catflap::test {

// One packet in one address family, with the hops on this node that it takes: the sender's egress,
// the receiver's ingress. It is allowed if every hop allows it.
struct Row {
    std::string text;  // "b/client -> a/web 80/TCP (v6)"
    int line = 0;
    bool allowed = false;
    bool again_in_ipv6 = false;  // the same line, after its IPv4 row
    std::vector<oracle::Hop> hops;
};

// A state of the cluster and what it lets through.
struct Step {
    std::string name;  // the case's, and what `then:` says
    Cluster cluster;
    std::vector<Row> rows;
};

struct Case {
    std::string file;
    std::string name;
    std::vector<Step> steps;  // the first is a start, each later one an update
};

// Every case of a file's text; fails with "file:line: what is wrong".
Result<std::vector<Case>> parse_cases(const std::string& text, const std::string& file);
// Of all *.yaml in the folder, by name.
Result<std::vector<Case>> read_cases(const std::string& folder);

}  // namespace catflap::test
