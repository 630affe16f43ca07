// SPDX-License-Identifier: Apache-2.0
// The Lease by which an agent tells others of the cluster that it lives: what it says, and as the API has it. Pure.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap::source {

// Where agents hold them if nobody says otherwise: deploy/kustomize/base makes it. In a namespace of their own, because
// RBAC cannot bound the right to a name, and in kube-system it would be one to take over the scheduler's Lease.
inline constexpr const char* kLeaseNamespace = "catflap-leases";
// As RBAC writes it.
inline constexpr const char* kLeaseResource = "leases.coordination.k8s.io";
// Which Leases of a namespace are of agents: a label selector, as a part of a URL.
inline constexpr const char* kLeaseSelector = "labelSelector=app.kubernetes.io%2Fname%3Dcatflapd";

struct Lease {
    std::string ns;
    std::string node;  // whose agent it is
    std::string version;
    std::string mode;
    std::string state;  // as Presence has it
    std::chrono::system_clock::time_point acquired_at;
    std::chrono::system_clock::time_point renewed_at;
    std::chrono::seconds duration{0};  // how long a renewal counts
    // The Node that owns it, so that the cluster removes both together; "": none does.
    std::string node_uid{};
};

// "catflap.NODE": others hold Leases in the namespace, too.
std::string lease_name(const std::string& node);
// "/apis/coordination.k8s.io/v1/namespaces/catflap-leases/leases"
std::string leases_path(const std::string& ns);
// JSON, as server-side apply takes it.
std::string lease_manifest(const Lease& lease);
// Fails where it is none of an agent, or lacks what tells whether one lives.
Result<Lease> decode_lease(std::string_view json);

}  // namespace catflap::source
