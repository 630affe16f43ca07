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

}  // namespace

ApiSource::ApiSource(const ApiOptions& options, std::unique_ptr<Mailbox> mailbox, std::unique_ptr<Feeder> feeder)
    : server_(options.access.server),
      node_(options.node),
      catalog_(options.cache, "cluster " + options.access.server),
      kept_(catalog_.kept_files()),
      mailbox_(std::move(mailbox)),
      feeder_(std::move(feeder)) {}

Result<std::unique_ptr<ApiSource>> ApiSource::open(const ApiOptions& options) {
    auto mailbox = Mailbox::open(resources().size());
    if (!mailbox)
        return tl::unexpected(mailbox.error());
    auto feeder = Feeder::start(options.access, **mailbox);
    if (!feeder)
        return tl::unexpected(feeder.error());
    return std::unique_ptr<ApiSource>(new ApiSource(options, std::move(*mailbox), std::move(*feeder)));
}

Result<bool> ApiSource::refresh(bool) {
    for (Delivery& delivery : mailbox_->take())
        take(std::move(delivery));
    use_cache_where_needed();
    if (listed_.size() == resources().size())
        catalog_.confirm();
    if (!without_our_pods_.empty() && Clock::now() >= list_again_at_) {
        list_again_at_ = Clock::now() + kListAgain;
        doubt();
    }
    return catalog_.publish();
}

uint64_t ApiSource::ask() {
    feeder_->doubt(++question_);
    return question_;
}

bool ApiSource::has_answered(uint64_t question) const {
    return listed_.size() == resources().size() &&
           std::ranges::all_of(listed_, [&](const auto& entry) { return entry.second >= question; });
}

void ApiSource::take(Delivery delivery) {
    if (auto* list = std::get_if<Decoded>(&delivery.content))
        return take_list(delivery.resource, std::move(*list), delivery.question);
    // What a list that was not believed goes on with is not believed either.
    if (without_our_pods_.contains(delivery.resource))
        return;
    auto& event = std::get<WatchEvent>(delivery.content);
    if (event.type == WatchEvent::Type::removed)
        catalog_.remove_object(file_of(delivery.resource), event.object.key);
    else
        catalog_.take_object(file_of(delivery.resource), event.object.key, std::move(event.object.decoded));
}

void ApiSource::take_list(size_t resource, Decoded list, uint64_t question) {
    const std::string file = file_of(resource);
    if (!listed_.contains(resource) && !list.refusals.empty())
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
    listed_[resource] = question;
    restored_.erase(resource);
}

void ApiSource::use_cache_where_needed() {
    const auto standings = mailbox_->standings();
    const bool waited = Clock::now() - opened_at_ > kPatience;
    for (size_t i = 0; i < resources().size(); ++i) {
        if (listed_.contains(i) || restored_.contains(i) || !kept_.contains(file_of(i)))
            continue;
        if (!waited && !standings[i].failing_since)
            continue;
        catalog_.restore(file_of(i));
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
        const bool failing = standings[i].failing_since.has_value();
        if (!resources()[i].required && (failing || Clock::now() - opened_at_ > kPatience))
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
        else if (standing.failing_since && Clock::now() - *standing.failing_since > kToleratedFailure)
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
