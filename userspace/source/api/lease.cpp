// SPDX-License-Identifier: Apache-2.0
#include "source/api/lease.h"

#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

namespace catflap::source {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::system_clock;

// A prefix has to be a domain; this one is the project's.
constexpr const char* kVersionAnnotation = "catflap.github.io/version";
constexpr const char* kModeAnnotation = "catflap.github.io/mode";
constexpr const char* kStateAnnotation = "catflap.github.io/state";

// RFC 3339 with microseconds, as the type MicroTime wants it.
std::string micro_time(system_clock::time_point time) {
    const auto since = std::chrono::floor<microseconds>(time.time_since_epoch());
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t whole_s = whole.count();
    std::tm utc{};
    gmtime_r(&whole_s, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec, (since - whole).count());
}

// Of whole seconds, and what of a fraction can be read.
std::optional<system_clock::time_point> parse_micro_time(const std::string& text) {
    std::tm parts{};
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr)
        return std::nullopt;
    system_clock::time_point time = system_clock::from_time_t(timegm(&parts));
    constexpr size_t kDigits = 6;
    int micro = 0;
    if (*rest == '.' && std::string_view(rest + 1).size() >= kDigits)
        std::from_chars(rest + 1, rest + 1 + kDigits, micro);
    return time + microseconds(micro);
}

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
    lease.duration = std::chrono::seconds(object[duration].get<int64_t>());
    return lease;
}

}  // namespace catflap::source
