// SPDX-License-Identifier: Apache-2.0
#include "source/api/lease.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "source/api/micro_time.h"

namespace catflap::source {
namespace {

using nlohmann::json;

// A prefix has to be a domain; this one is the project's.
constexpr const char* kVersionAnnotation = "catflap.github.io/version";
constexpr const char* kModeAnnotation = "catflap.github.io/mode";
constexpr const char* kStateAnnotation = "catflap.github.io/state";

std::string text_at(const json& object, const json::json_pointer& pointer) {
    return object.contains(pointer) && object[pointer].is_string() ? object[pointer].get<std::string>() : "";
}

// A slash of a key is written as ~1.
std::string annotation(const json& object, std::string key) {
    key.replace(key.find('/'), 1, "~1");
    return text_at(object, json::json_pointer("/metadata/annotations/" + key));
}

}  // namespace

std::string lease_name(const std::string& node) {
    return "catflap." + node;
}

std::string leases_path(const std::string& ns) {
    return "/apis/coordination.k8s.io/v1/namespaces/" + ns + "/leases";
}

std::string lease_manifest(const Lease& lease) {
    json metadata = {
        {"name", lease_name(lease.node)},
        {"namespace", lease.ns},
        {"labels", {{"app.kubernetes.io/name", "catflapd"}}},
        {"annotations",
         {{kVersionAnnotation, lease.version}, {kModeAnnotation, lease.mode}, {kStateAnnotation, lease.state}}}};
    if (!lease.node_uid.empty())
        metadata["ownerReferences"] =
            json::array({{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", lease.node}, {"uid", lease.node_uid}}});
    const json object = {{"apiVersion", "coordination.k8s.io/v1"},
                         {"kind", "Lease"},
                         {"metadata", std::move(metadata)},
                         {"spec",
                          {{"holderIdentity", lease.node},
                           {"leaseDurationSeconds", lease.duration.count()},
                           {"acquireTime", micro_time(lease.acquired_at)},
                           {"renewTime", micro_time(lease.renewed_at)}}}};
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Lease> decode_lease(std::string_view text) {
    const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
    const json::json_pointer duration("/spec/leaseDurationSeconds");
    Lease lease;
    lease.node = text_at(object, json::json_pointer("/spec/holderIdentity"));
    lease.ns = text_at(object, json::json_pointer("/metadata/namespace"));
    lease.version = annotation(object, kVersionAnnotation);
    lease.mode = annotation(object, kModeAnnotation);
    lease.state = annotation(object, kStateAnnotation);
    lease.node_uid = text_at(object, json::json_pointer("/metadata/ownerReferences/0/uid"));
    const auto acquired = parse_micro_time(text_at(object, json::json_pointer("/spec/acquireTime")));
    const auto renewed = parse_micro_time(text_at(object, json::json_pointer("/spec/renewTime")));
    if (lease.node.empty() || !renewed || !object.contains(duration) || !object[duration].is_number_integer())
        return fail("read the Lease {}: it lacks its holder, renewTime or leaseDurationSeconds",
                    text_at(object, json::json_pointer("/metadata/name")));
    lease.renewed_at = *renewed;
    lease.acquired_at = acquired.value_or(*renewed);
    constexpr int64_t kLongest_s = 365 * 24 * 3600;  // whoever wrote more did not mean a Lease
    lease.duration = std::chrono::seconds(std::clamp<int64_t>(object[duration].get<int64_t>(), 0, kLongest_s));
    return lease;
}

}  // namespace catflap::source
