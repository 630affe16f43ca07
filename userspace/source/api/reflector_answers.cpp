// SPDX-License-Identifier: Apache-2.0
// What a reflector makes of the server's answers.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "source/api/reflector.h"

namespace catflap::source {
namespace {

using std::chrono::seconds;

constexpr int kForbidden = 403;
constexpr int kGone = 410;
constexpr int kUnauthorized = 401;
constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kTooMany = 429;
constexpr int kGatewayTimeout = 504;
// A watch that is refused so often, for whatever reason, begins with a list.
constexpr int kMostRefusals = 3;

// Of what the server sent, as opposed to the way there.
constexpr int kMisunderstood = EBADMSG;

constexpr size_t kLargestError = size_t{64} << 10;

// A watch that lasted so long was in order.
constexpr seconds kWorked{1};
// After so long without a failure the next one is the first. A list that succeeds is not enough: a server whose watches
// fail would be asked for one list after the other.
constexpr seconds kOrderly{120};

// Nobody means to have a node without updates for longer.
constexpr seconds kLongestAskedWait{120};
// While a kind is not installed. Nobody installs one and waits for it by the second, and there are many nodes.
constexpr seconds kAbsentWait{60};
constexpr seconds kAbsentWaitSpread{60};
// A server that has just started may not know its own CustomResourceDefinitions yet.
constexpr int kBelievedAbsences = 3;
// Nobody grants a missing right within seconds.
constexpr seconds kForbiddenWait{30};

std::string explain(const ApiStatus& status) {
    return status.message.empty() ? fmt::format("the server answered {}", status.code)
                                  : fmt::format("{} ({})", status.message, status.code);
}

// Versions of a kind are numbers that grow: Kubernetes promises it since 1.35, and etcd's were so before. Of what is
// none nobody knows.
bool is_older(const std::string& version, const std::string& than) {
    const auto is_number = [](const std::string& text) {
        return !text.empty() && text.front() != '0' && text.find_first_not_of("0123456789") == std::string::npos;
    };
    if (!is_number(version) || !is_number(than))
        return false;
    return version.size() != than.size() ? version.size() < than.size() : version < than;
}

}  // namespace

Result<> Reflector::head(const ResponseHead& head) {
    head_ = head;
    if (head.status == kOk)
        heard();
    return {};
}

void Reflector::heard() {
    status_.heard_at = std::chrono::system_clock::now();
    heard_at_ = now_;
    got_something_ = true;
}

Result<> Reflector::body(std::string_view bytes) {
    if (head_.status != kOk) {
        if (error_body_.size() < kLargestError)
            error_body_.append(bytes);
        return {};
    }
    heard();
    if (!splitter_->is_inside())
        partial_since_ = now_;
    auto done = splitter_->feed(bytes, [&](std::string_view element) {
        partial_since_ = now_;
        return phase_ == Phase::paged_list ? take_item(element) : take_event(element);
    });
    if (!done && !told_ && done.error().code != ETIMEDOUT)
        done = tl::unexpected(Error{kMisunderstood, done.error().message});
    return done;
}

Result<> Reflector::take_item(std::string_view json) {
    auto object = decode_api_object(json, kind_);
    if (!object)
        return tl::unexpected(object.error());
    list_.put(std::move(*object));
    return {};
}

Result<> Reflector::take_event(std::string_view json) {
    auto event = decode_watch_event(json, kind_);
    if (!event)
        return tl::unexpected(event.error());
    if (event->type == WatchEvent::Type::error) {
        told_ = std::move(event->status);
        return fail("{}", explain(*told_));
    }
    const std::string version = event->object.resource_version;
    if (event->type == WatchEvent::Type::bookmark) {
        if (phase_ == Phase::streamed_list && !event->ends_initial_events)
            return tl::unexpected(Error{ETIMEDOUT, "the server does not know streamed lists"});
        if (phase_ == Phase::streamed_list)
            deliver(version);
    } else {
        // Taken, it would bring back an object's earlier version, or one that is gone.
        if (phase_ == Phase::watch && is_older(version, version_))
            return fail("the server sent an event of version {} after {}", version, version_);
        take_change(std::move(*event));
    }
    if (phase_ == Phase::watch && !version.empty() && !is_older(version, version_))
        version_ = version;
    return {};
}

void Reflector::take_change(WatchEvent event) {
    ++status_.events;
    if (phase_ == Phase::watch)
        sink_.changed(std::move(event));
    else if (event.type == WatchEvent::Type::put)
        list_.put(std::move(event.object));
    else
        list_.remove(event.object.key);
}

// The list is complete. A streamed one goes on as a watch.
void Reflector::deliver(const std::string& version) {
    version_ = version;
    next_page_.clear();
    phase_ = Phase::watch;
    resume_.clear();
    status_.synced = true;
    absences_ = 0;
    status_.absent = false;
    in_order();
    sink_.whole(std::exchange(list_, {}).take(), list_question_);
}

// A server may accept each watch, and end it at once with an error: that is a failure that goes on.
void Reflector::note_working_watch() {
    if (!busy_ || phase_ != Phase::watch || head_.status != kOk || now_ - begun_at_ < kWorked)
        return;
    refused_watches_ = 0;
    in_order();
}

void Reflector::in_order() {
    failing_since_.reset();
    status_.error.clear();
}

void Reflector::end(const Result<>& outcome) {
    busy_ = false;
    due_ = now_;
    if (told_)
        return refused(*told_);
    if (outcome && head_.status != kOk)
        return refused(refusal());
    failed_on_the_way_ = !outcome;
    // Of what was not understood nobody knows what else it would have said: all of it is asked for again.
    const bool misunderstood = !outcome && outcome.error().code == kMisunderstood;
    if (misunderstood) {
        version_.clear();
        resume_.clear();
        phase_ = Phase::idle;
        return failed(outcome.error().message);
    }
    switch (std::exchange(phase_, Phase::idle)) {
        case Phase::paged_list:
            return outcome ? end_page() : failed(outcome.error().message);
        case Phase::streamed_list:
            // All objects came, and no end: the server is one that does not know what was asked for.
            if ((outcome || outcome.error().code == ETIMEDOUT) && got_something_)
                streams_lists_ = false;
            return failed(outcome ? "the list ended before it was complete" : outcome.error().message);
        default:
            return end_watch(outcome);
    }
}

void Reflector::end_page() {
    auto rest = splitter_->finish();
    const auto head = rest ? decode_list_head(*rest, kind_) : Result<ListHead>(tl::unexpected(rest.error()));
    if (!head)
        return failed(head.error().message);
    if (head->next.empty()) {
        deliver(head->resource_version);
        phase_ = Phase::idle;
    } else {
        next_page_ = head->next;
    }
}

// The server ends each watch some day, and connections break: it goes on where it stood.
void Reflector::end_watch(const Result<>& outcome) {
    if (now_ - begun_at_ < kWorked || (!outcome && !got_something_))
        return failed(outcome ? "the server ends watches at once" : outcome.error().message);
    if (!outcome)
        status_.error = outcome.error().message;
}

ApiStatus Reflector::refusal() const {
    ApiStatus status = decode_api_status(error_body_);
    status.code = head_.status;
    if (!status.retry_after)
        status.retry_after = head_.retry_after;
    return status;
}

void Reflector::refused(const ApiStatus& status) {
    const bool lists = phase_ != Phase::watch;
    const bool streamed = std::exchange(phase_, Phase::idle) == Phase::streamed_list;
    // The server does not know the parameter, or has it switched off.
    if (streamed && (status.code == 400 || status.code == 422)) {
        streams_lists_ = false;
        return;
    }
    const bool is_about_us = status.code == kUnauthorized || status.code == kForbidden || status.code == kTooMany;
    if (!lists && !is_about_us &&
        (status.code == kBadRequest || status.code == kGatewayTimeout || ++refused_watches_ >= kMostRefusals))
        version_.clear();  // it may be the version
    if (status.code == kGone) {
        version_.clear();
        resume_.clear();
        // A second time it is the list itself that grows too old while it is read: it comes in one piece then.
        if (lists && !next_page_.empty())
            pages_lists_ = false;
        next_page_.clear();
        if (now_ - std::exchange(gone_at_, now_) > kOrderly)
            return;
    }
    if (status.code == kUnauthorized)
        transport_.renew_credentials();
    if (lists && status.code == kNotFound && resource_.may_be_absent)
        return absent();
    std::string why = explain(status);
    if (status.code == kForbidden)
        why = fmt::format("not allowed to {} {}; grant get, list and watch on it: {}", lists ? "list" : "watch",
                          status_.resource, why);
    const seconds asked = std::clamp(status.retry_after.value_or(seconds(0)), seconds(0), kLongestAskedWait);
    failed(std::move(why), status.code == kForbidden ? std::max(asked, kForbiddenWait) : asked);
}

void Reflector::absent() {
    next_page_.clear();
    resume_.clear();
    version_.clear();
    const bool has_objects = status_.synced && !status_.absent;
    if (++absences_ < kBelievedAbsences && has_objects)
        return failed("the server does not know this kind any more; what it held stays in force for now", kAbsentWait);
    due_ = now_ + kAbsentWait + seconds(std::uniform_int_distribution<int64_t>(0, kAbsentWaitSpread.count())(random_));
    in_order();
    if (status_.absent && list_question_ == question_delivered_)
        return;
    status_.absent = true;
    status_.synced = true;
    question_delivered_ = list_question_;
    Decoded nothing;
    nothing.empty = false;  // a list without elements, not a text without a document
    sink_.whole(std::move(nothing), list_question_);
}

void Reflector::failed(std::string why, Clock::duration at_least) {
    status_.error = std::move(why);
    if (!failing_since_)
        failing_since_ = now_;
    if (now_ - std::exchange(failed_at_, now_) > kOrderly)
        backoff_.reset();
    next_page_.clear();  // its pages belong to the version that the first one had
    due_ = now_ + std::max<Clock::duration>(backoff_.next(), at_least);
    // Only the list of a doubt has failed: what the watch brings is as good as before.
    if (!resume_.empty() && version_.empty()) {
        version_ = std::exchange(resume_, "");
        doubted_ = true;
        doubt_due_ = std::exchange(due_, now_);
    }
}

}  // namespace catflap::source
