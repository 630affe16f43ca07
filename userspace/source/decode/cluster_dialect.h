// SPDX-License-Identifier: Apache-2.0
// Peers and ports of SIG Network's policies, in the words of either version of their API.
#pragma once

#include <string>
#include <string_view>

#include "model/cluster_policy.h"
#include "source/decode/fields.h"

namespace catflap::source {

struct Dialect {
    PolicyKind kind{};
    std::string_view accept;  // the action
    bool passes = true;
    bool domain_names = true;
    std::string_view ports;  // the field
    size_t most = 0;         // rules of a direction, peers of a rule, ports of a rule

    [[nodiscard]] std::string actions_in_words() const {
        return std::string(accept) + (passes ? ", Deny or Pass" : " or Deny");
    }
};
const Dialect& dialect_of(PolicyKind kind);

// What is of an unknown kind, or cannot be read, makes the rule fail closed, with a warning.
void decode_cluster_peer(const Field& field, const Dialect& dialect, bool egress, ClusterRule& rule);
// The same; what is of a known kind and out of range is refused.
void decode_cluster_port(const Field& field, const Dialect& dialect, ClusterRule& rule);

// {namespaceSelector, podSelector}, both given.
PodSelection decode_pod_selection(const Field& field);
// Refuses a list that is longer than its API takes.
void check_count(const Field& list, size_t most);
// Warns, and marks the rule.
void fail_closed(const Field& field, ClusterRule& rule, std::string_view why);

}  // namespace catflap::source
