// SPDX-License-Identifier: Apache-2.0
// Keeps one kind of object as the API server has it: a consistent list, then a watch from its version on, and a list
// again where the server does not remember that version any more. As client-go's reflector does it (k8s.io/client-go
// v0.35, tools/cache/reflector.go). It knows no sockets and no clock, so tests can play the server.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "source/api/backoff.h"
#include "source/api/json_splitter.h"
#include "source/api/partial_list.h"
#include "source/api/resources.h"
#include "source/api/transport.h"
#include "source/decode/api_object.h"
#include "source/source.h"

namespace catflap::source {

// What it found out.
class ReflectorSink {
  public:
    virtual ~ReflectorSink() = default;
    // All objects of the kind; those that are not in it are gone. question: the last one that was asked before the list
    // began.
    virtual void whole(Decoded list, uint64_t question) = 0;
    virtual void changed(WatchEvent event) = 0;
};

class Reflector : public ResponseHandler {
  public:
    using Clock = std::chrono::steady_clock;

    // All of them outlive it. seed: of the waits' jitter, and of a watch's length.
    // question: that the first list answers.
    Reflector(const Resource& resource, Transport& transport, ReflectorSink& sink, uint32_t seed,
              uint64_t question = 0);

    // Begins the next request where one is due, and gives up one that has been silent for too long. Returns when to
    // call again, if nothing happens before.
    Clock::time_point step(Clock::time_point now);
    // The server answers others again: what failed on the way there is tried again soon.
    void hurry();
    // What has come is not taken: silence is not the server's.
    void hold(Clock::time_point now) { heard_at_ = partial_since_ = now; }
    // Before the transport hands over what has come: what time it is.
    void tick(Clock::time_point now) { now_ = now; }
    // All of it is listed again, after a list that is under way. question: goes with that list, or a later one. Where
    // the server refuses the list, the watch goes on meanwhile.
    void doubt(uint64_t question = 0) {
        doubted_ = true;
        question_ = question;
    }

    [[nodiscard]] const FeedStatus& status() const { return status_; }
    // Since when it has failed, again and again; nothing: it has not.
    [[nodiscard]] std::optional<Clock::time_point> failing_since() const { return failing_since_; }

    // ResponseHandler
    Result<> head(const ResponseHead& head) override;
    Result<> body(std::string_view bytes) override;
    void end(const Result<>& outcome) override;

  private:
    // streamed: a watch that begins with all objects (WatchList, Kubernetes 1.32; 1.27 by a feature gate).
    enum class Phase { idle, streamed_list, paged_list, watch };

    void begin_list();
    void begin_page();
    void begin_watch(bool streamed);
    void begin_anew();
    [[nodiscard]] bool is_listing() const;
    [[nodiscard]] bool is_stuck() const;
    void give_up(Error why);
    void request(const std::string& parameters);
    [[nodiscard]] std::chrono::seconds silence() const;
    Result<> take_item(std::string_view json);
    Result<> take_event(std::string_view json);
    void take_change(WatchEvent event);
    void deliver(const std::string& version);
    void end_page();
    void end_watch(const Result<>& outcome);
    void refused(const ApiStatus& status);
    // The server does not know the kind. One that it has just forgotten, with objects that are in force, is believed
    // only when it says so again and again.
    void absent();
    // at_least: how long to wait.
    void failed(std::string why, Clock::duration at_least = {});
    void heard();
    void note_working_watch();
    void in_order();
    [[nodiscard]] ApiStatus refusal() const;

    Resource resource_;
    Transport& transport_;
    ReflectorSink& sink_;
    ApiKind kind_;
    FeedStatus status_;
    Backoff backoff_;
    std::minstd_rand random_;

    Phase phase_ = Phase::idle;
    bool busy_ = false;  // a request is under way
    Clock::time_point now_{};
    Clock::time_point due_{};
    std::optional<Clock::time_point> failing_since_;
    std::string version_;  // up to which all is known; "": nothing is
    bool streams_lists_ = true;
    bool pages_lists_ = true;
    // Long ago.
    Clock::time_point gone_at_{-std::chrono::hours(1)};
    Clock::time_point failed_at_{-std::chrono::hours(1)};
    int absences_ = 0;  // lists in a row to which the server answered that it does not know the kind
    bool doubted_ = false;
    uint64_t question_ = 0;
    uint64_t question_delivered_ = 0;  // to which an absence was the answer
    Clock::time_point doubt_due_{};
    std::string resume_;       // the version that a watch goes on from, if the list after a doubt fails
    int refused_watches_ = 0;  // in a row
    bool failed_on_the_way_ = false;

    // Of the request that is under way.
    ResponseHead head_;
    std::optional<JsonSplitter> splitter_;
    std::string error_body_;
    Clock::time_point begun_at_{};
    Clock::time_point heard_at_{};
    Clock::time_point partial_since_{};  // what the splitter has of an event
    bool got_something_ = false;
    std::optional<ApiStatus> told_;  // by an ERROR event
    // Of the list that is under way.
    PartialList list_;
    uint64_t list_question_ = 0;
    std::string next_page_;
};

}  // namespace catflap::source
