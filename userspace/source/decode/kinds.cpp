// SPDX-License-Identifier: Apache-2.0
#include "source/decode/kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/spelling.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

constexpr std::string_view kListSuffix = "List";
constexpr std::string_view kPolicyGroup = "networking.k8s.io";
constexpr std::string_view kOldPolicyGroup = "extensions";  // until Kubernetes 1.15
constexpr std::string_view kSliceGroup = "discovery.k8s.io";

constexpr std::array<std::string_view, 4> kCoreKinds = {"Namespace", "Node", "Pod", "Service"};
constexpr std::array<std::string_view, 1> kPolicyKinds = {kPolicyKind};
constexpr std::array<std::string_view, 3> kClusterPolicyKinds = {"ClusterNetworkPolicy", "AdminNetworkPolicy",
                                                                 "BaselineAdminNetworkPolicy"};
constexpr std::array<std::string_view, 1> kSliceKinds = {kSliceKind};

// The other kinds of the groups that ours are in. Status is what the API server answers to a bad request, Config a
// kubeconfig.
constexpr std::array<std::string_view, 16> kOtherCoreKinds = {"Binding",
                                                              "ComponentStatus",
                                                              "ConfigMap",
                                                              "Config",
                                                              "Endpoints",
                                                              "Event",
                                                              "LimitRange",
                                                              "PodTemplate",
                                                              "PersistentVolume",
                                                              "PersistentVolumeClaim",
                                                              "ReplicationController",
                                                              "Secret",
                                                              "ResourceQuota",
                                                              "ServiceAccount",
                                                              "Status",
                                                              "List"};
constexpr std::array<std::string_view, 5> kOtherNetworkingKinds = {"ClusterCIDR", "IPAddress", "Ingress",
                                                                   "IngressClass", "ServiceCIDR"};

struct Group {
    std::string_view name;
    std::span<const std::string_view> ours;
    std::span<const std::string_view> others;
    bool is_known;  // every kind of it is in one of the lists
};
constexpr std::array<Group, 5> kGroups = {{{"", kCoreKinds, kOtherCoreKinds, true},
                                           {kPolicyGroup, kPolicyKinds, kOtherNetworkingKinds, true},
                                           {kClusterPolicyGroup, kClusterPolicyKinds, {}, true},
                                           {kSliceGroup, kSliceKinds, {}, true},
                                           {kOldPolicyGroup, kPolicyKinds, {}, false}}};

std::string_view group_name(std::string_view api_version) {
    const size_t slash = api_version.find('/');
    return slash == std::string_view::npos ? std::string_view{} : api_version.substr(0, slash);
}

const Group* group_of(std::string_view api_version) {
    const auto found = std::ranges::find(kGroups, group_name(api_version), &Group::name);
    return found == kGroups.end() ? nullptr : &*found;
}

// Without the List at its end; "List" is a kind itself.
std::string_view without_list(std::string_view kind) {
    if (kind.size() > kListSuffix.size() && kind.ends_with(kListSuffix))
        kind.remove_suffix(kListSuffix.size());
    return kind;
}

bool holds_kind(std::span<const std::string_view> kinds, std::string_view kind) {
    return std::ranges::find(kinds, kind) != kinds.end();
}

std::string_view equal_kind(std::span<const std::string_view> kinds, std::string_view kind) {
    const auto found = std::ranges::find_if(kinds, [&](std::string_view one) { return equal_but_for_case(one, kind); });
    return found == kinds.end() ? std::string_view{} : *found;
}

// Of ours, whatever its group.
std::string_view known_kind(std::string_view kind) {
    for (const Group& group : kGroups)
        if (const std::string_view found = equal_kind(group.ours, kind); !found.empty())
            return found;
    return {};
}

std::string_view nearest_kind(const Group& group, std::string_view kind) {
    const std::string_view ours = nearest(kind, group.ours);
    return ours.empty() ? nearest(kind, group.others) : ours;
}

// "v1" and whatever has no group: every kind of ours may be meant.
std::string_view meant_without_group(std::string_view kind) {
    if (const std::string_view found = known_kind(kind); !found.empty())
        return found;
    for (const Group& group : kGroups)
        if (const std::string_view found = nearest(kind, group.ours); !found.empty())
            return found;
    return {};
}

}  // namespace

std::string_view text_of(std::span<const Entry> entries, std::string_view key) {
    const Value* value = find(entries, key);
    return value != nullptr ? value->text() : std::string_view{};
}

TypeMeta type_of(std::span<const Entry> entries) {
    return {text_of(entries, "kind"), text_of(entries, "apiVersion")};
}

bool is_list(std::string_view kind) {
    if (kind.size() < kListSuffix.size())
        return false;
    const size_t split = kind.size() - kListSuffix.size();
    const std::string_view element = kind.substr(0, split);
    return equal_but_for_case(kind.substr(split), kListSuffix) &&
           (element.empty() || !known_kind(element).empty() || element.ends_with(kPolicyKind));
}

TypeMeta element_type(TypeMeta list) {
    list.kind.remove_suffix(kListSuffix.size());
    return list.kind.empty() ? TypeMeta{} : list;
}

std::string_view meant_kind(TypeMeta type) {
    const Group* group = group_of(type.api_version);
    if (group == nullptr || holds_kind(group->others, without_list(type.kind)))
        return {};
    if (group->name.empty())
        return meant_without_group(type.kind);
    const std::string_view kind = nearest(type.kind, group->ours);
    // Before v1 it had other fields.
    return kind == kSliceKind && type.api_version != kSliceVersion ? std::string_view{} : kind;
}

std::optional<PolicyKind> cluster_policy_kind(std::string_view kind) {
    for (const PolicyKind one : {PolicyKind::cluster_network_policy, PolicyKind::admin_network_policy,
                                 PolicyKind::baseline_admin_network_policy})
        if (kind == to_string(one))
            return one;
    return {};
}

std::string_view version_of(std::string_view kind) {
    if (const auto of_cluster = cluster_policy_kind(kind))
        return of_cluster == PolicyKind::cluster_network_policy ? "policy.networking.k8s.io/v1alpha2"
                                                                : "policy.networking.k8s.io/v1alpha1";
    return kind == kPolicyKind ? kPolicyVersion : kind == kSliceKind ? kSliceVersion : "v1";
}

TypeProblem find_problem(TypeMeta type) {
    if (type.api_version.empty())
        return {"apiVersion", "is missing; every object needs apiVersion and kind"};
    const Group* group = group_of(type.api_version);
    if (group == nullptr) {
        const std::string_view name = group_name(type.api_version);
        if (!check_dns_subdomain(name).empty())
            return {"apiVersion", fmt::format("\"{}\" is not a group and a version", type.api_version)};
        for (const std::string_view known : {kPolicyGroup, kClusterPolicyGroup, kSliceGroup})
            if (edit_distance(name, known) == 1)
                return {"apiVersion", fmt::format("\"{}\" is not an API group; write {}", name, known)};
        return {};
    }
    const std::string_view kind = without_list(type.kind);
    if (!group->is_known || holds_kind(group->others, kind) || holds_kind(group->ours, kind))
        return {};
    const std::string_view meant = nearest_kind(*group, kind);
    std::string message = fmt::format("\"{}\" is not a kind of {}", type.kind, type.api_version);
    return {"kind", meant.empty() ? message : message + fmt::format("; write {}", meant)};
}

}  // namespace catflap::source
