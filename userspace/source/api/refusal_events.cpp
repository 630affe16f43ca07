// SPDX-License-Identifier: Apache-2.0
#include "source/api/refusal_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "source/api/micro_time.h"
#include "source/decode/api_object.h"

namespace catflap::source {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Agents that see the same policy at the same time do not write at the same time: most of them find it told.
constexpr seconds kSpread{30};
// At most so often, of whatever policies.
constexpr seconds kBetweenEvents{10};
// Longer than an API server keeps Events by default, which is an hour and up to a minute: what goes on is told again.
constexpr std::chrono::minutes kTellAgain{65};
// Of one policy, whose Event the server refuses: others may be told meanwhile.
constexpr seconds kRefusedPause{300};
constexpr milliseconds kFirstEventBackoff{2000};
constexpr milliseconds kLongestEventBackoff{120'000};
constexpr size_t kLargestPolicy = size_t{4} << 20;
// Of the API's validation.
constexpr size_t kLongestNote = 1000;
constexpr size_t kLongestName = 253;
constexpr size_t kLongestInstance = 128;

// FNV-1a: every agent, of whatever build, has to come to the same name.
uint64_t digest(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) {
        hash ^= static_cast<uint8_t>(c);
        hash *= 0x100000001b3;
    }
    return hash;
}

std::string text_of_member(const json& object, const char* pointer) {
    const json::json_pointer at(pointer);
    if (!object.contains(at))
        return "";
    return object[at].is_string() ? object[at].get<std::string>() : object[at].dump();
}

// Bytes, and no half of a character at the end.
std::string cut_note(std::string text) {
    if (text.size() <= kLongestNote)
        return text;
    size_t end = kLongestNote - 3;
    while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end) + "...";
}

}  // namespace

RefusalEvents::RefusalEvents(std::string node, Transport& transport, uint32_t seed)
    : Asker(transport, kLargestPolicy),
      node_(std::move(node)),
      backoff_(kFirstEventBackoff, kLongestEventBackoff, seed),
      random_(seed) {}

void RefusalEvents::set(const std::vector<RefusedPolicy>& refused, Clock::time_point now) {
    std::map<RefusedPolicy, Clock::time_point> due;
    for (const RefusedPolicy& policy : refused) {
        const auto known = due_.find(policy);
        const auto wait =
            milliseconds(std::uniform_int_distribution<int64_t>(0, milliseconds(kSpread).count())(random_));
        due.emplace(policy, known != due_.end() ? known->second : now + wait);
    }
    due_ = std::move(due);
}

RefusalEvents::Clock::time_point RefusalEvents::step(Clock::time_point now) {
    tick(now);
    if (asked_ != Asked::nothing && now < silent_at())
        return silent_at();
    if (asked_ != Asked::nothing) {
        transport().cancel(*this);
        asked_ = Asked::nothing;
        put_off({});
    }
    const auto first = std::ranges::min_element(due_, {}, [](const auto& entry) { return entry.second; });
    if (first == due_.end())
        return Clock::time_point::max();
    const auto at = std::max(first->second, next_at_);
    if (now < at)
        return at;
    current_ = first->first;
    uid_.clear();
    version_ = current_.why;
    asked_ = Asked::policy;
    ask({.target =
             fmt::format("/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/{}", current_.ns, current_.name)});
    return now + kAnswerSilence;
}

std::string RefusalEvents::event_name() const {
    const std::string suffix = fmt::format(".{:016x}", digest(uid_ + "/" + version_ + "/" + current_.reason));
    std::string name = current_.name.substr(0, kLongestName - suffix.size());
    while (name.ends_with('.') || name.ends_with('-'))
        name.pop_back();
    return name + suffix;
}

void RefusalEvents::write_event() {
    json regarding = {{"apiVersion", "networking.k8s.io/v1"},
                      {"kind", "NetworkPolicy"},
                      {"namespace", current_.ns},
                      {"name", current_.name}};
    if (!uid_.empty())
        regarding["uid"] = uid_;  // as tools look for an object's Events
    const json event = {{"apiVersion", "events.k8s.io/v1"},
                        {"kind", "Event"},
                        {"metadata", {{"name", event_name()}, {"namespace", current_.ns}}},
                        {"eventTime", micro_time(std::chrono::system_clock::now())},
                        {"reportingController", "catflapd"},
                        {"reportingInstance", node_.substr(0, kLongestInstance)},
                        {"action", "Enforce"},
                        {"reason", current_.reason},
                        {"type", "Warning"},
                        {"regarding", std::move(regarding)},
                        {"note", cut_note(current_.why)}};
    asked_ = Asked::event;
    ask({.target = fmt::format("/apis/events.k8s.io/v1/namespaces/{}/events?fieldManager=catflapd", current_.ns),
         .method = "POST",
         .content_type = "application/json",
         .body = event.dump(-1, ' ', false, json::error_handler_t::replace)});
}

void RefusalEvents::end(const Result<>& outcome) {
    const Asked asked = std::exchange(asked_, Asked::nothing);
    return asked == Asked::policy ? end_of_policy(outcome) : end_of_event(outcome);
}

void RefusalEvents::end_of_policy(const Result<>& outcome) {
    const int status = outcome ? answer_head().status : 0;
    if (status == 404)
        return done();
    if (status == 401)
        transport().renew_credentials();
    // Without the right to read it, its Event goes without the policy's uid.
    if (status != 200 && status != 403)
        return put_off(answer_head().retry_after.value_or(seconds(0)));
    if (answer_head().status == 200) {
        const json policy = json::parse(answer(), nullptr, /*allow_exceptions=*/false);
        uid_ = text_of_member(policy, "/metadata/uid");
        version_ = text_of_member(policy, "/metadata/generation");
    }
    write_event();
}

void RefusalEvents::end_of_event(const Result<>& outcome) {
    const int status = outcome ? answer_head().status : 0;
    if (status == 200 || status == 201 || status == 409)  // 409: another agent has told it
        return done();
    if (status == 401)
        transport().renew_credentials();
    if (status != 400 && status != 403 && status != 404 && status != 422)
        return put_off(answer_head().retry_after.value_or(seconds(0)));
    put_off(kRefusedPause);
    const ApiStatus said = decode_api_status(answer());
    not_allowed_ = fmt::format("write an Event of NetworkPolicy {}/{}: {}{} ({})", current_.ns, current_.name,
                               status == 403 ? "not allowed; grant create on events.events.k8s.io: " : "",
                               said.message.empty() ? "the server answered" : said.message, status);
}

// The others have their turn first.
void RefusalEvents::put_off(Clock::duration at_least) {
    next_at_ = now() + backoff_.next();
    if (const auto entry = due_.find(current_); entry != due_.end())
        entry->second = std::max(next_at_, now() + at_least);
}

void RefusalEvents::done() {
    if (const auto entry = due_.find(current_); entry != due_.end())
        entry->second = now() + kTellAgain;
    not_allowed_.clear();
    backoff_.reset();
    next_at_ = now() + kBetweenEvents;
}

}  // namespace catflap::source
