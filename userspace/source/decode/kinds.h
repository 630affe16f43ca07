// SPDX-License-Identifier: Apache-2.0
// Which kind of object is meant, and whether anybody knows it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/policy.h"
#include "source/decode/document.h"

namespace catflap::source {

inline constexpr std::string_view kPolicyKind = "NetworkPolicy";
inline constexpr std::string_view kPolicyVersion = "networking.k8s.io/v1";
inline constexpr std::string_view kClusterPolicyGroup = "policy.networking.k8s.io";
inline constexpr std::string_view kSliceKind = "EndpointSlice";
inline constexpr std::string_view kSliceVersion = "discovery.k8s.io/v1";

// Of the kinds of SIG Network that hold for a cluster; nothing: it is another one.
std::optional<PolicyKind> cluster_policy_kind(std::string_view kind);

// What an object is. Elements of a PodList may leave it to the list.
struct TypeMeta {
    std::string_view kind;
    std::string_view api_version;
};

std::string_view text_of(std::span<const Entry> entries, std::string_view key);
TypeMeta type_of(std::span<const Entry> entries);

// List, and the lists of our kinds and of all network policies. Others (AllowList) are kinds like any other.
bool is_list(std::string_view kind);
// What a list says about its elements: PodList -> Pod, List -> nothing.
TypeMeta element_type(TypeMeta list);

// The kind of ours that is meant, though it may be misspelt: a misspelt policy must not be passed over like a
// Deployment. "": kinds that policies do not speak of, and other groups' kinds of the same name.
std::string_view meant_kind(TypeMeta type);
// The one apiVersion that is read.
std::string_view version_of(std::string_view kind);

// What is wrong with the type of an object that is passed over: `field` is "" where nothing is.
struct TypeProblem {
    std::string_view field;
    std::string message;
};
TypeProblem find_problem(TypeMeta type);

}  // namespace catflap::source
