// SPDX-License-Identifier: Apache-2.0
#include "report/status.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "report/conditions.h"

namespace catflap::report {
namespace {

using nlohmann::json;

// RFC 3339, in UTC.
std::string text_of(Time time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text.data();
}

std::string text_of(const std::optional<Time>& time) {
    return time ? text_of(*time) : "";
}

json object_of(const NamedNumbers& numbers) {
    json result = json::object();
    for (const auto& [name, number] : numbers)
        result[name] = number;
    return result;
}

json feeds_of(const std::vector<FeedRow>& feeds) {
    json result = json::array();
    for (const FeedRow& feed : feeds)
        result.push_back({{"resource", feed.resource},
                          {"synced", feed.synced},
                          {"absent", feed.absent},
                          {"error", feed.error},
                          {"heardAt", text_of(feed.heard_at)},
                          {"lists", feed.lists},
                          {"watches", feed.watches},
                          {"events", feed.events}});
    return result;
}

json source_of(const Status& status) {
    json cache;
    if (status.cache)
        cache = {{"path", status.cache->path},
                 {"savedAt", text_of(status.cache->saved_at)},
                 {"bytes", status.cache->bytes},
                 {"lost", status.cache->lost},
                 {"error", status.cache->error}};
    json source = {{"kind", status.source_kind},      {"path", status.source_path},
                   {"feeds", feeds_of(status.feeds)}, {"state", status.source_error.empty() ? "synced" : "stale"},
                   {"error", status.source_error},    {"cache", std::move(cache)}};
    if (status.lease)
        source["lease"] = {{"name", status.lease->name},
                           {"renewedAt", text_of(status.lease->renewed_at)},
                           {"error", status.lease->error}};
    return source;
}

json pods_of(const std::vector<UnenforcedPod>& pods, const std::string& this_node) {
    json result = json::array();
    for (const UnenforcedPod& one : pods) {
        const size_t slash = one.pod.find('/');
        result.push_back({{"namespace", one.pod.substr(0, slash)},
                          {"pod", one.pod.substr(slash + 1)},
                          {"node", one.node.empty() ? this_node : one.node},
                          {"reason", one.reason},
                          {"policies", one.policies}});
    }
    return result;
}

json commit_of(const CommitRow& commit) {
    return {{"at", text_of(commit.at)},
            {"durationUs", commit.duration.count()},
            {"endpointsChanged", commit.endpoints_changed},
            {"addressesChanged", commit.addresses_changed},
            {"tablesWritten", commit.tables_written}};
}

json mends_of(const std::vector<MendRow>& mends) {
    json result = json::object();
    for (const MendRow& mend : mends)
        result[mend.kind] = {{"count", mend.count}, {"last", text_of(mend.last)}};
    return result;
}

json verify_of(const VerifyRow& row) {
    return {{"intervalMs", row.interval.count()},
            {"passes", row.passes},
            {"differences", object_of(row.differences)},
            {"mended", row.mended},
            {"unread", row.unread},
            {"last", text_of(row.last)},
            {"lastTookUs", row.last_took.count()},
            {"tookUs", row.took.count()},
            {"error", row.error}};
}

json starting_of(const StartingRow& starting) {
    return {{"error", starting.error},
            {"attempts", starting.attempts},
            {"nextAttemptAt", text_of(starting.next_attempt_at)},
            {"onFailure", starting.open_on_failure ? "open" : "closed"},
            {"interfacesOpen", starting.interfaces_open}};
}

void add_engine(json& result, const EngineStatus& engine) {
    if (engine.asks_conntrack)
        result["asksConntrack"] = *engine.asks_conntrack;
    if (engine.tracked)
        result["connectionsIn"] = *engine.tracked ? "nf_conntrack" : "flows";
    json maps = json::array();
    for (const MapRow& map : engine.maps)
        maps.push_back(to_json(Row(map)));
    result["maps"] = std::move(maps);
    result["health"] = object_of(engine.health);
    result["counts"] = object_of(engine.counts);
}

}  // namespace

json to_json(const std::vector<Notice>& notices) {
    json result = json::array();
    for (const Notice& notice : notices) {
        json& item = result.emplace_back(json{{"file", notice.file},
                                              {"line", notice.line},
                                              {"object", notice.object},
                                              {"field", notice.field},
                                              {"message", notice.message}});
        if (notice.outcome)
            item["outcome"] = to_string(*notice.outcome);
    }
    return result;
}

json to_json(const Status& status) {
    json result = {
        {"version", CATFLAP_VERSION},
        {"pid", status.pid},
        {"node", status.node},
        {"mode", status.mode},
        {"state", status.starting ? "starting" : "enforcing"},
        {"source", source_of(status)},
        {"established", status.keeps_established ? "keep" : "revoke"},
        {"attachedBy", status.attached_by},
        {"guard", {{"on", status.guard.on}, {"by", status.guard.by}, {"error", status.guard.error}}},
        {"kernel", status.kernel},
        {"startedAt", text_of(status.started_at)},
        {"generationOfState", status.commits},
        {"lastCommit", commit_of(status.last_commit)},
        {"conditions", to_json(findings(status.facts))},
        {"refused", to_json(status.refused)},
        {"warnings", to_json(status.warnings)},
        {"unenforced", pods_of(status.facts.unenforced, status.node)},
        {"outOfReach", pods_of(status.facts.out_of_reach, status.node)},
        {"pins", {{"error", status.pin_error}}},
        {"mends", mends_of(status.mends)},
        {"verify", verify_of(status.verify)},
    };
    if (status.fast_path)
        result["fastPath"] = to_json(*status.fast_path);
    if (status.early_drop)
        result["earlyDrop"] = to_json(*status.early_drop);
    if (status.starting)
        result["starting"] = starting_of(*status.starting);
    if (status.engine)
        add_engine(result, *status.engine);
    for (const auto& [name, number] : status.counts)
        result["counts"][name] = number;
    return result;
}

}  // namespace catflap::report
