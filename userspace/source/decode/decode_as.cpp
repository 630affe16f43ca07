// SPDX-License-Identifier: Apache-2.0
#include "source/decode/decode_as.h"

#include <fmt/format.h>

#include "source/decode/decode_object.h"
#include "source/decode/names.h"
#include "source/decode/schema.h"

namespace catflap::source {
namespace {

std::optional<ObjectName> decode_name(const Field& object, bool in_namespace) {
    const Field metadata = object.member("metadata");
    const Field name = metadata.member("name");
    const Field ns = metadata.member("namespace");
    if (metadata.exists() && !metadata.is_mapping())
        return {};
    if (!name.exists()) {
        name.refuse("is missing; an object needs a name");
        return {};
    }
    const std::optional<std::string> name_text = name.string();
    const std::optional<std::string> ns_text = ns.exists() ? ns.string() : "default";
    if (!name_text || !check_name(name, *name_text, check_dns_subdomain(*name_text)))
        return {};
    if (!in_namespace)
        return ObjectName{"", *name_text};
    if (!ns_text || !check_name(ns, *ns_text, check_dns_label(*ns_text)))
        return {};
    return ObjectName{*ns_text, *name_text};
}

}  // namespace

std::optional<Object> decode_as(std::string_view kind, TypeMeta type, const Field& object, Origin origin) {
    const std::optional<PolicyKind> of_cluster = cluster_policy_kind(kind);
    const std::optional<ObjectName> name = decode_name(object, kind != "Node" && kind != "Namespace" && !of_cluster);
    if (!name)
        return {};
    object.report().object = fmt::format("{} {}", kind, name->ns.empty() ? name->name : to_string(*name));
    if (type.kind != kind)
        object.member("kind").refuse(fmt::format("\"{}\" is not a kind; write {}", type.kind, kind));
    const std::string_view version = version_of(kind);
    if (type.api_version.empty())
        object.member("apiVersion").refuse(fmt::format("is missing; write {}", version));
    else if (type.api_version != version)
        object.member("apiVersion").refuse(fmt::format("\"{}\" is not supported; write {}", type.api_version, version));
    if (origin == Origin::manifest)
        check_fields(kind, object);
    if (kind == kPolicyKind)
        return decode_policy(object, *name);
    if (of_cluster)
        return decode_cluster_policy(object, {*of_cluster, name->name});
    if (kind == "Service")
        return decode_service(object, *name);
    if (kind == kSliceKind)
        return decode_endpoint_slice(object, *name);
    if (kind == "Pod")
        return decode_pod(object, *name);
    if (kind == "Node")
        return decode_node(object, *name);
    return decode_namespace(object, *name);
}

void place_object(std::optional<Object> decoded, const Field& object, Decoded& out) {
    if (!decoded)
        return;  // nobody knows whose it is
    if (object.report().refusals.empty())
        out.objects.push_back({std::move(*decoded), object.line()});
    else if (const auto* policy = std::get_if<Policy>(&*decoded))
        out.stand_ins.push_back({decode_stand_in(object, policy->name), object.line()});
}

}  // namespace catflap::source
