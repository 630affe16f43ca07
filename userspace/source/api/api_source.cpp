// SPDX-License-Identifier: Apache-2.0
#include "source/api/api_source.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "source/api/resources.h"

namespace catflap::source {
namespace {

using std::chrono::seconds;

// A connection that breaks is made again within that; nobody needs to hear of it.
constexpr seconds kToleratedFailure{5};
// How long a start waits for a server that does not answer before it takes what the cache has.
constexpr seconds kPatience{10};
// After a list that was not believed.
constexpr seconds kListAgain{30};

std::string file_of(size_t resource) {
    return std::string(resources()[resource].plural);
}

bool is_failing(const Standing& standing) {
    return standing.failing_since && std::chrono::steady_clock::now() - *standing.failing_since > kToleratedFailure;
}

}  // namespace

ApiSource::ApiSource(const ApiOptions& options, std::unique_ptr<Mailbox> mailbox, std::unique_ptr<Feeder> feeder,
                     uint64_t question)
    : server_(options.access.server),
      node_(options.node),
      catalog_(options.cache, "cluster " + options.access.server),
      mailbox_(std::move(mailbox)),
      feeder_(std::move(feeder)),
      question_(question) {}

Result<std::unique_ptr<ApiSource>> ApiSource::open(const ApiOptions& options) {
    auto mailbox = Mailbox::open(resources().size());
    if (!mailbox)
        return tl::unexpected(mailbox.error());
    // Questions to an earlier agent have lower numbers: the first lists of this one answer them.
    const auto question = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    auto feeder = Feeder::start(options.access, options.lease, **mailbox, question);
    if (!feeder)
        return tl::unexpected(feeder.error());
    return std::unique_ptr<ApiSource>(new ApiSource(options, std::move(*mailbox), std::move(*feeder), question));
}

Result<bool> ApiSource::refresh(bool) {
    for (Delivery& delivery : mailbox_->take()) {
        first_seen_ = std::min(first_seen_.value_or(delivery.arrived_at), delivery.arrived_at);
        take(std::move(delivery));
    }
    use_cache_where_needed();
    if (!without_our_pods_.empty() && Clock::now() >= list_again_at_) {
        list_again_at_ = Clock::now() + kListAgain;
        doubt();
    }
    const bool changed = catalog_.publish();
    if (catalog_.changes().empty())
        first_seen_.reset();
    return changed;
}

uint64_t ApiSource::ask() {
    feeder_->doubt(++question_);
    return question_;
}

// A kind that goes on failing is no reason to wait: is_up_to_date() says what is wrong with it.
bool ApiSource::has_answered(uint64_t question) const {
    const auto standings = mailbox_->standings();
    for (size_t i = 0; i < standings.size(); ++i) {
        const auto listed = listed_.find(i);
        if ((listed == listed_.end() || listed->second < question) && !is_failing(standings[i]))
            return false;
    }
    return true;
}

void ApiSource::take(Delivery delivery) {
    if (auto* list = std::get_if<Decoded>(&delivery.content))
        return take_list(delivery.resource, std::move(*list), delivery.question);
    // What a list that was not believed goes on with is not believed either.
    auto& event = std::get<WatchEvent>(delivery.content);
    if (without_our_pods_.contains(delivery.resource)) {
        for (const LocatedObject& located : event.object.decoded.objects)
            if (const auto* pod = std::get_if<Pod>(&located.object); pod != nullptr && pod->node == node_)
                list_again_at_ = {};
        return;
    }
    if (event.type == WatchEvent::Type::removed)
        catalog_.remove_object(file_of(delivery.resource), event.object.key);
    else
        catalog_.take_object(file_of(delivery.resource), event.object.key, std::move(event.object.decoded));
}

void ApiSource::take_list(size_t resource, Decoded list, uint64_t question) {
    const std::string file = file_of(resource);
    if (!listed_.contains(resource) && !restored_.contains(resource) && !list.refusals.empty())
        catalog_.restore(file);
    Proposal proposal;
    proposal.taken.emplace(file, std::move(list));
    if (!node_.empty() && catalog_.loses_last_pod(proposal, node_)) {
        if (without_our_pods_.insert(resource).second)
            list_again_at_ = Clock::now() + kListAgain;
        return;
    }
    without_our_pods_.erase(resource);
    catalog_.take(file, std::move(proposal.taken.begin()->second));
    catalog_.confirm(file);
    listed_[resource] = question;
    restored_.erase(resource);
}

void ApiSource::use_cache_where_needed() {
    const auto standings = mailbox_->standings();
    const bool waited = Clock::now() - opened_at_ > kPatience;
    for (size_t i = 0; i < resources().size(); ++i) {
        if (listed_.contains(i) || restored_.contains(i))
            continue;
        if ((waited || is_failing(standings[i])) && catalog_.restore_whole(file_of(i)))
            restored_.insert(i);
    }
}

Result<> ApiSource::is_complete() const {
    std::vector<std::string> missing;
    std::set<std::string> reasons;
    const auto standings = mailbox_->standings();
    for (size_t i = 0; i < resources().size(); ++i) {
        if (listed_.contains(i) || restored_.contains(i))
            continue;
        // What can be done without is waited for as long as the server may still answer.
        if (!resources()[i].required && (is_failing(standings[i]) || Clock::now() - opened_at_ > kPatience))
            continue;
        missing.push_back(full_name(resources()[i]));
        if (!standings[i].status.error.empty())
            reasons.insert(standings[i].status.error);
    }
    if (missing.empty())
        return {};
    return fail("{}: waiting for the first list of {}{}{}", describe(), fmt::join(missing, ", "),
                reasons.empty() ? "" : ": ", fmt::join(reasons, "; "));
}

Result<> ApiSource::is_up_to_date() const {
    if (!without_our_pods_.empty())
        return fail(
            "{} has no Pod whose nodeName is \"{}\" any more, and everything on its interfaces would be dropped; if that is "
            "meant, start with --without-pods",
            describe(), node_);
    std::vector<std::string> troubles;
    const auto standings = mailbox_->standings();
    for (size_t i = 0; i < standings.size(); ++i) {
        const Standing& standing = standings[i];
        if (restored_.contains(i))
            troubles.push_back(fmt::format("{}: as the cache had them: {}", standing.status.resource,
                                           standing.status.error.empty() ? "not listed yet" : standing.status.error));
        else if (is_failing(standing))
            troubles.push_back(fmt::format("{}: {}", standing.status.resource, standing.status.error));
    }
    if (troubles.empty())
        return {};
    return fail("{}: {}", describe(), fmt::join(troubles, "; "));
}

std::vector<FeedStatus> ApiSource::feeds() const {
    std::vector<FeedStatus> result;
    for (Standing& standing : mailbox_->standings())
        result.push_back(std::move(standing.status));
    return result;
}

}  // namespace catflap::source
