// SPDX-License-Identifier: Apache-2.0
#include "agent/answers.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "agent/early_drop.h"
#include "agent/facts.h"
#include "agent/sources.h"

namespace catflap::agent {
namespace {

report::Notice notice_of(const source::Diagnostic& diagnostic) {
    return {diagnostic.file, diagnostic.line, diagnostic.object, diagnostic.field, diagnostic.message, {}};
}

// Of no file.
report::Notice notice_of(const std::string& object, const std::string& message) {
    report::Notice notice;
    notice.object = object;
    notice.message = message;
    return notice;
}

std::string what_mixes(const compile::MixedService& service) {
    return fmt::format(
        "port {}/{}: the egress policy {}{} admits some of its backends and not others; pods that it selects cannot use "
        "this port",
        service.port, to_string(service.protocol), to_string(service.policies.front()),
        service.policies.size() > 1 ? " (with others)" : "");
}

std::optional<report::CacheRow> cache_of(const AgentState& state) {
    const source::CacheStatus* status = state.source ? state.source->cache_status() : nullptr;
    if (status == nullptr)
        return std::nullopt;
    report::CacheRow row{status->path.string(), {}, status->bytes, status->lost, status->error};
    if (status->saved_at != std::chrono::system_clock::time_point())
        row.saved_at = status->saved_at;
    return row;
}

std::optional<report::LeaseRow> lease_of(const AgentState& state) {
    const auto lease = state.source ? state.source->lease() : std::nullopt;
    return lease ? std::optional(report::LeaseRow{lease->name, lease->renewed_at, lease->error}) : std::nullopt;
}

std::vector<report::FeedRow> feeds_of(const AgentState& state) {
    std::vector<report::FeedRow> rows;
    if (!state.source)
        return rows;
    for (source::FeedStatus& feed : state.source->feeds()) {
        report::FeedRow row{std::move(feed.resource),
                            feed.synced,
                            feed.absent,
                            std::move(feed.error),
                            {},
                            feed.lists,
                            feed.watches,
                            feed.events};
        if (feed.heard_at != std::chrono::system_clock::time_point())
            row.heard_at = feed.heard_at;
        rows.push_back(std::move(row));
    }
    return rows;
}

report::VerifyRow verify_of(const AgentState& state) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    const VerifyState& now = state.verify;
    return {std::chrono::milliseconds(state.options.verify_interval_ms),
            now.passes,
            {now.differences.begin(), now.differences.end()},
            now.mended,
            now.unread,
            now.last,
            now.last_took,
            duration_cast<microseconds>(now.took),
            now.trouble};
}

std::vector<report::MendRow> mends_of(const AgentState& state) {
    std::vector<report::MendRow> rows;
    for (size_t kind = 0; kind < state.mends.size(); ++kind)
        rows.push_back({engine::kMendNames[kind], state.mends[kind].count, state.mends[kind].last});
    return rows;
}

report::StartingRow starting_of(const AgentState& state) {
    const Starting& starting = state.starting;
    return {starting.error, starting.attempts, starting.next_attempt, state.options.on_failure == OnFailure::open,
            starting.open || (wants_guard(state.options) && !state.guard_error.empty())};
}

// What the lists of a status may hold only the first ones of.
report::NamedNumbers counts_of(const AgentState& state) {
    report::NamedNumbers counts = {{"interfaces", state.links ? state.links->links().size() : 0}};
    if (!state.source)
        return counts;
    counts.emplace_back("refused", state.source->refusals().size());
    counts.emplace_back("warnings", state.source->warnings().size() + state.last_commit.report.mixed_services.size());
    counts.emplace_back("unenforced", state.local.unenforced.size());
    counts.emplace_back("outOfReach", out_of_reach_of(state).count);
    counts.emplace_back("unknownEndpoints",
                        std::ranges::count_if(state.local.endpoints,
                                              [](const compile::EndpointSpec& endpoint) { return !endpoint.pod; }));
    return counts;
}

std::string kernel_release() {
    utsname name{};
    return uname(&name) == 0 ? name.release : "";
}

engine::View view_of(const AgentState& state) {
    const auto dropped_by_guard = [&state]() -> std::optional<report::Counted> {
        const auto dropped = state.guard ? state.guard->dropped_by_table() : GuardCount{};
        return dropped ? std::optional(report::Counted{dropped->packets, dropped->bytes}) : std::nullopt;
    };
    const auto fast_path = [&state](uint32_t ifindex) { return fast_path_of(state.fast_path, ifindex); };
    return {state.source->cluster(),
            state.local.endpoints,
            state.local.pods,
            state.resolved,
            state.index,
            state.commits,
            dropped_by_guard,
            fast_path,
            state.options.mode != Mode::iptables};
}

}  // namespace

std::vector<report::Notice> refused(const AgentState& state) {
    std::vector<report::Notice> result;
    for (const source::Diagnostic& refusal : state.source->refusals()) {
        if (result.size() == kMaxNamed)
            break;
        result.push_back(notice_of(refusal));
        result.back().outcome = outcome_of(state, refusal);
    }
    if (!state.commit_error.empty())
        result.push_back(notice_of("", state.commit_error));
    for (const compile::Refusal& one : state.not_admitted) {
        if (result.size() == kMaxNamed)
            break;
        result.push_back(notice_of(to_string(one), "does not fit on this node: " + one.reason));
        result.back().outcome = one.kind == "Pod" ? report::Outcome::nothing : report::Outcome::isolated;
    }
    for (const auto& [interface, error] : state.attach_errors)
        result.push_back(notice_of("interface " + interface, "not attached, its packets are not judged: " + error));
    return result;
}

std::vector<report::Notice> warnings(const AgentState& state) {
    std::vector<report::Notice> result;
    for (const source::Diagnostic& warning : state.source->warnings()) {
        if (result.size() == kMaxNamed)
            break;
        result.push_back(notice_of(warning));
    }
    for (const compile::MixedService& service : state.last_commit.report.mixed_services) {
        if (result.size() >= 2 * kMaxNamed)
            break;
        result.push_back(notice_of("Service " + service.frontend, what_mixes(service)));
    }
    return result;
}

report::Status status_of(const AgentState& state) {
    report::Status status;
    status.pid = getpid();
    status.node = state.options.node;
    status.mode = to_string(state.options.mode);
    const SourceName source = name_of_source(state.options, state.source.get());
    status.source_kind = source.kind;
    status.source_path = source.place;
    status.feeds = feeds_of(state);
    status.source_error = state.source_error;
    status.cache = cache_of(state);
    status.lease = lease_of(state);
    status.keeps_established = engine::keeps_established(state.options);
    status.attached_by = state.engine ? state.engine->attached_by() : "";
    status.guard = {state.guard && state.guard->closed(),
                    std::string(state.guard ? guard::to_string(state.guard->kind()) : "off"), state.guard_error};
    if (state.enforcing)
        status.early_drop = row_of(state.early_drop);
    if (state.enforcing)
        status.fast_path =
            report::FastPathRow{state.fast_path.node.off, state.fast_path.node.udp_only, state.fast_path.gates.size(),
                                state.fast_path.endpoints, uplink_rows(state.fast_path)};
    status.kernel = kernel_release();
    status.started_at = state.started_at;
    status.commits = state.commits;
    const LastCommit& last = state.last_commit;
    status.last_commit = {last.at, last.duration, last.report.endpoints_changed, last.report.addresses_changed,
                          last.report.tables_written};
    status.facts = facts_of(state);
    if (state.source) {
        status.refused = refused(state);
        status.warnings = warnings(state);
    }
    status.pin_error = state.pin_error;
    status.mends = mends_of(state);
    status.verify = verify_of(state);
    if (!state.enforcing)
        status.starting = starting_of(state);
    if (state.engine && state.source)
        status.engine = state.engine->status(view_of(state));
    status.counts = counts_of(state);
    return status;
}

Result<> list(const AgentState& state, report::Page& page) {
    if (!state.engine || !state.source)
        return fail("the agent is starting, and has nothing to show yet: see catflap status");
    return state.engine->list(view_of(state), page);
}

}  // namespace catflap::agent
