// SPDX-License-Identifier: Apache-2.0
// Kubernetes objects as kubectl prints or takes them -> model values. Pure: no files, no clock.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/cluster.h"

namespace catflap::source {

// Of a Node whose kubelet runs pods elsewhere (virtual-kubelet).
inline constexpr const char* kVirtualTaint = "virtual-kubelet.io/provider";

// What could not be taken, and where it stands. A refusal keeps its object (or, without one, its whole file) at the
// last good version; a warning is taken as `message` says.
struct Diagnostic {
    std::string file;
    int line = 0;         // 1-based; 0: the file as a whole
    std::string object;   // "NetworkPolicy ingress/drop-inter-namespace"; "" where it could not be told
    std::string field;    // "spec.ingress[0].from[1].ipBlock.cidr"; "" for the object as a whole
    std::string message;  // what is wrong, and what would be right
    // What is enforced in its place; untold: of a text on its own.
    enum class InForce : uint8_t { untold, last_good, isolated, nothing };
    InForce in_force = InForce::untold;

    bool operator==(const Diagnostic&) const = default;
};
// "policy.yaml:12: NetworkPolicy ingress/x: spec.ingress[0].ports[0].port: 70000 is not a port (1 to 65535)"
std::string to_string(const Diagnostic& diagnostic);

using Object = std::variant<Namespace, Node, Pod, Policy, ClusterPolicy, Service, EndpointSlice>;

// "Pod kube-system/coredns-1", "Namespace ingress": unique in a cluster.
std::string object_key(const Object& object);

struct LocatedObject {
    Object object;
    int line = 0;
};

struct Decoded {
    std::vector<LocatedObject> objects;
    // For policies that were refused, as far as they could be read: each isolates whom it would have isolated, without
    // any rules. To be taken where there is no earlier version.
    std::vector<LocatedObject> stand_ins;
    std::vector<Diagnostic> refusals;
    std::vector<Diagnostic> warnings;
    bool empty = true;        // there is no document in it
    bool unreadable = false;  // the text as a whole is neither YAML nor JSON: nothing of it was taken
};

// Takes YAML with any number of documents, JSON, and `kind: List` (also "PodList" and the like). Kinds that catflap
// does not need are passed over. `file` is only for the messages.
Decoded decode(std::string_view text, const std::string& file);

}  // namespace catflap::source
