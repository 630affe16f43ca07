// SPDX-License-Identifier: Apache-2.0
#include "source/api/lease_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "source/decode/api_object.h"

namespace catflap::source {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A renewal may fail twice before the Lease runs out.
constexpr int kRenewalsPerDuration = 3;
// What the Lease says changes soon, but not with each flicker of the agent.
constexpr seconds kBetweenWrites{5};
constexpr milliseconds kFirstBackoff{1000};
constexpr seconds kLongestAskedPause{120};
// Nobody grants a right within seconds, and nobody waits for this one.
constexpr seconds kNotAllowedPause{300};
constexpr size_t kLargestAnswer = size_t{256} << 10;

bool is_success(int code) {
    return code == 200 || code == 201;
}

// Of these no attempt in the next minutes brings more: no right, no such namespace or kind, not as the server wants it.
bool is_for_long(int code) {
    return code == 400 || code == 403 || code == 404 || code == 405 || code == 415 || code == 422;
}

}  // namespace

LeaseKeeper::LeaseKeeper(LeaseOptions options, Transport& transport, uint32_t seed)
    : Asker(transport, kLargestAnswer),
      options_(std::move(options)),
      backoff_(kFirstBackoff, std::max<milliseconds>(kFirstBackoff, options_.duration / kRenewalsPerDuration), seed),
      random_(seed) {
    status_.name = options_.ns + "/" + lease_name(options_.node);
}

void LeaseKeeper::set(const std::optional<Presence>& presence) {
    presence_ = presence;
}

// What the server refuses is not asked for sooner because there is more to say.
LeaseKeeper::Clock::time_point LeaseKeeper::due() const {
    return sent_ == presence_ || failing_ ? due_ : std::min(due_, sent_at_ + kBetweenWrites);
}

// Around a third of the duration, so that a thousand agents that were rolled out together do not write in step.
LeaseKeeper::Clock::duration LeaseKeeper::interval() {
    const auto share = std::uniform_real_distribution<>(0.9, 1.1)(random_);
    return std::chrono::duration_cast<Clock::duration>(options_.duration * share / kRenewalsPerDuration);
}

LeaseKeeper::Clock::time_point LeaseKeeper::step(Clock::time_point now) {
    tick(now);
    if (!presence_ || options_.duration <= seconds(0))
        return Clock::time_point::max();
    if (asked_ != Asked::nothing && now < silent_at())
        return silent_at();
    if (asked_ != Asked::nothing) {
        // Whether the connection is dead is for TCP and the watches to find out: they share it.
        transport().cancel(*this);
        end(fail("no answer came for {} s", kAnswerSilence.count()));
    }
    if (now < due())
        return due();
    if (node_uid_.empty() && now >= ask_node_at_)
        ask_for_node();
    else
        write_lease();
    return now + kAnswerSilence;
}

void LeaseKeeper::ask_for_node() {
    ask_node_at_ = now() + kNotAllowedPause;
    asked_ = Asked::node;
    ask({.target = "/api/v1/nodes/" + options_.node});
}

// Server-side apply: one request, whether there is one already or not. Whatever another hand wrote there gives way.
void LeaseKeeper::write_lease() {
    sent_ = presence_;
    sent_at_ = now();
    asked_ = Asked::lease;
    ask({.target =
             fmt::format("{}/{}?fieldManager=catflapd&force=true", leases_path(options_.ns), lease_name(options_.node)),
         .method = "PATCH",
         .content_type = "application/apply-patch+yaml",
         .body = lease_manifest({.ns = options_.ns,
                                 .node = options_.node,
                                 .version = CATFLAP_VERSION,
                                 .mode = presence_->mode,
                                 .state = presence_->state,
                                 .acquired_at = acquired_at_,
                                 .renewed_at = std::chrono::system_clock::now(),
                                 .duration = options_.duration,
                                 .node_uid = node_uid_})});
}

void LeaseKeeper::end(const Result<>& outcome) {
    const Asked asked = std::exchange(asked_, Asked::nothing);
    if (asked == Asked::node)
        return end_of_node(outcome);
    if (!outcome)
        return failed(outcome.error().message);
    if (is_success(answer_head().status))
        return written();
    refused();
}

// Without an owner the Lease of a node that is gone stays behind: no reason to hold none.
void LeaseKeeper::end_of_node(const Result<>& outcome) {
    due_ = now();
    if (!outcome || answer_head().status != 200)
        return;
    const json node = json::parse(answer(), nullptr, /*allow_exceptions=*/false);
    const json::json_pointer uid("/metadata/uid");
    if (node.is_object() && node.contains(uid) && node[uid].is_string())
        node_uid_ = node[uid].get<std::string>();
}

void LeaseKeeper::written() {
    // Made anew, though it was held: it went with its owner, and the Node of this name is another one now.
    if (answer_head().status == 201 && status_.renewed_at) {
        node_uid_.clear();
        ask_node_at_ = now();
    }
    if (std::exchange(is_without_owner_, false))
        ask_node_at_ = Clock::time_point::max();  // it was the owner
    status_.renewed_at = std::chrono::system_clock::now();
    status_.error.clear();
    status_.not_allowed = false;
    failing_ = false;
    backoff_.reset();
    due_ = sent_at_ + interval();
}

void LeaseKeeper::refused() {
    ApiStatus status = decode_api_status(answer());
    std::string why = status.message.empty() ? fmt::format("the server answered {}", answer_head().status)
                                             : fmt::format("{} ({})", status.message, answer_head().status);
    if (answer_head().status == 401)
        transport().renew_credentials();
    // It may be the owner: clusters with the admission plug-in OwnerReferencesPermissionEnforcement want the right to
    // delete for it.
    if (answer_head().status == 403 && !std::exchange(node_uid_, "").empty()) {
        ask_node_at_ = now() + kNotAllowedPause;
        is_without_owner_ = true;
        due_ = now();
        return;
    }
    if (answer_head().status == 403)
        why = fmt::format("not allowed; grant create and patch on {} in that namespace: {}", kLeaseResource, why);
    is_without_owner_ = false;
    status_.not_allowed = is_for_long(answer_head().status);
    if (status_.not_allowed)
        return failed(std::move(why), kNotAllowedPause);
    const seconds asked = status.retry_after.value_or(answer_head().retry_after.value_or(seconds(0)));
    failed(std::move(why), std::clamp(asked, seconds(0), kLongestAskedPause));
}

void LeaseKeeper::failed(std::string why, Clock::duration at_least) {
    status_.error = fmt::format("write the Lease {}: {}", status_.name, why);
    failing_ = true;
    due_ = now() + std::max<Clock::duration>(backoff_.next(), at_least);
}

}  // namespace catflap::source
