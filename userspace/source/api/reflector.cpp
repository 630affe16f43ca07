// SPDX-License-Identifier: Apache-2.0
#include "source/api/reflector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace catflap::source {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstWait{500};
constexpr milliseconds kLongestWait{30000};
constexpr int kPage = 500;
// The server ends a watch after that; each chooses its own, so that they do not come back in step.
constexpr int kWatchSeconds = 300;
// A bookmark comes about every minute (k8s.io/apiserver, bookmarkFrequency): a watch that is silent for longer than two
// is asked for anew from the version where it stands, which costs next to nothing.
constexpr seconds kWatchSilence{130};
constexpr seconds kListSilence{60};
// Servers answer a watch at once, though nothing may come for long.
constexpr seconds kHeadSilence{15};
// A server that does not know streamed lists sends all objects, and no end.
constexpr seconds kStreamedListSilence{10};
// Where bytes were lost, all that follows looks like the rest of one event.
constexpr seconds kLongestEvent{60};
// etcd takes 1.5 MiB, an API server up to 3 MiB with some settings.
constexpr size_t kLargestObject = size_t{16} << 20;

}  // namespace

Reflector::Reflector(const Resource& resource, Transport& transport, ReflectorSink& sink, uint32_t seed,
                     uint64_t question)
    : resource_(resource),
      transport_(transport),
      sink_(sink),
      kind_{resource.kind, resource.api_version, std::string(resource.plural)},
      backoff_(kFirstWait, kLongestWait, seed),
      random_(seed),
      question_(question) {
    status_.resource = full_name(resource);
}

Reflector::Clock::time_point Reflector::step(Clock::time_point now) {
    now_ = now;
    note_working_watch();
    if (doubted_ && !is_listing() && now >= doubt_due_)
        begin_anew();
    if (is_stuck())
        give_up({EBADMSG, fmt::format("an event is not complete after {} s", kLongestEvent.count())});
    else if (busy_ && now < heard_at_ + silence())
        return heard_at_ + silence();
    else if (busy_)
        give_up({ETIMEDOUT, fmt::format("nothing came for {} s", silence().count())});
    if (now < due_)
        return due_;
    if (!next_page_.empty())
        begin_page();
    else if (version_.empty())
        begin_list();
    else
        begin_watch(/*streamed=*/false);
    return now_ + silence();
}

void Reflector::hurry() {
    constexpr int kWithinMs = 1000;
    if (!busy_ && std::exchange(failed_on_the_way_, false))
        due_ = std::min<Clock::time_point>(due_,
                                           now_ + milliseconds(std::uniform_int_distribution(0, kWithinMs)(random_)));
}

bool Reflector::is_stuck() const {
    return busy_ && phase_ == Phase::watch && splitter_->is_inside() && now_ >= partial_since_ + kLongestEvent;
}

void Reflector::give_up(Error why) {
    transport_.leave_connection();  // this request is one of those that leave it
    transport_.cancel(*this);
    end(tl::unexpected(std::move(why)));
}

bool Reflector::is_listing() const {
    return phase_ == Phase::streamed_list || phase_ == Phase::paged_list || !next_page_.empty();
}

void Reflector::begin_anew() {
    doubted_ = false;
    if (status_.absent)
        due_ = now_;
    if (std::exchange(busy_, false)) {
        transport_.cancel(*this);
        due_ = now_;
    }
    phase_ = Phase::idle;
    if (!version_.empty())
        resume_ = std::exchange(version_, "");
}

seconds Reflector::silence() const {
    return head_.status == 0 && phase_ == Phase::watch ? kHeadSilence
           : phase_ == Phase::watch                    ? kWatchSilence
           : phase_ == Phase::streamed_list            ? kStreamedListSilence
                                                       : kListSilence;
}

void Reflector::request(const std::string& parameters) {
    busy_ = true;
    begun_at_ = now_;
    heard_at_ = now_;
    head_ = {};
    error_body_.clear();
    told_.reset();
    got_something_ = false;
    transport_.start({.target = fmt::format("{}?{}", resource_.path, parameters)}, *this);
}

void Reflector::begin_list() {
    list_ = {};
    list_question_ = question_;
    next_page_.clear();
    ++status_.lists;
    if (streams_lists_)
        begin_watch(/*streamed=*/true);
    else
        begin_page();
}

// Without a version: the most recent state, as a quorum has it. A newer server answers from its cache all the same
// (ConsistentListFromCache, Kubernetes 1.31).
void Reflector::begin_page() {
    phase_ = Phase::paged_list;
    splitter_.emplace(JsonSplitter::Mode::items, kLargestObject);
    std::string parameters = pages_lists_ ? fmt::format("limit={}", kPage) : "";
    if (!next_page_.empty())
        parameters += "&continue=" + next_page_;
    request(parameters);
}

void Reflector::begin_watch(bool streamed) {
    phase_ = streamed ? Phase::streamed_list : Phase::watch;
    splitter_.emplace(JsonSplitter::Mode::documents, kLargestObject);
    const int length = std::uniform_int_distribution(kWatchSeconds, 2 * kWatchSeconds)(random_);
    std::string parameters = fmt::format("watch=1&allowWatchBookmarks=true&timeoutSeconds={}", length);
    parameters +=
        streamed ? "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan" : "&resourceVersion=" + version_;
    ++status_.watches;
    request(parameters);
}

}  // namespace catflap::source
