// SPDX-License-Identifier: Apache-2.0
// A reflector to which a test plays the API server, and the clock.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "source/api/reflector.h"

namespace catflap::source::test {

using namespace std::chrono_literals;

struct FakeTransport : Transport {
    std::string target;  // of the request under way; "": there is none
    Request request;     // the last one
    ResponseHandler* handler = nullptr;
    int renewed = 0;
    int left = 0;

    void start(const Request& asked, ResponseHandler& from) override {
        CHECK(target.empty());
        request = asked;
        target = asked.target;
        handler = &from;
    }
    void cancel(ResponseHandler&) override { target.clear(); }
    void leave_connection() override { ++left; }
    void renew_credentials() override { ++renewed; }
};

struct FakeSink : ReflectorSink {
    std::vector<Decoded> lists;
    std::vector<uint64_t> questions;
    std::vector<WatchEvent> events;

    void whole(Decoded list, uint64_t question) override {
        lists.push_back(std::move(list));
        questions.push_back(question);
    }
    void changed(WatchEvent event) override { events.push_back(std::move(event)); }
};

constexpr Resource kPods{"Pod", "v1", "pods", "/api/v1/pods"};

inline std::string pod(const std::string& name, int version, const std::string& more = "") {
    return fmt::format(
        R"({{"metadata":{{"name":"{}","namespace":"shop","resourceVersion":"{}"{}}},"spec":{{}},"status":{{}}}})", name,
        version, more);
}
inline std::string event(const std::string& type, const std::string& object) {
    return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}
inline std::string end_of_initial_events(int version) {
    return event(
        "BOOKMARK",
        fmt::format(R"({{"metadata":{{"resourceVersion":"{}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}})",
                    version));
}
inline std::string refusal(int code, const std::string& message, const std::string& more = "") {
    return fmt::format(R"({{"kind":"Status","code":{},"message":"{}"{}}})", code, message, more);
}
inline std::string page(const std::string& items, int version, const std::string& next = "") {
    return fmt::format(
        R"({{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
        version, next, items);
}

struct Site {
    FakeTransport transport;
    FakeSink sink;
    Reflector reflector{kPods, transport, sink, 1};
    Reflector::Clock::time_point now{1000h};

    void step() { reflector.step(now); }
    void pass(std::chrono::milliseconds time) {
        now += time;
        reflector.tick(now);
        step();
    }
    [[nodiscard]] bool asks(const std::string& text) const { return transport.target.find(text) != std::string::npos; }
    [[nodiscard]] bool asks_nothing() const { return transport.target.empty(); }
    // A part of an answer; what it does not understand ends the request.
    void answer(int status, const std::string& body, ResponseHead head = {}) {
        REQUIRE_FALSE(transport.target.empty());
        head.status = status;
        auto done = reflector.head(head);
        if (done)
            done = reflector.body(body);
        if (!done)
            end(done);
    }
    void go_on(const std::string& body) {
        if (const auto done = reflector.body(body); !done)
            end(done);
    }
    void end(const Result<>& outcome = {}) {
        transport.target.clear();
        reflector.end(outcome);
    }
    void refuse(int status, const std::string& body, ResponseHead head = {}) {
        answer(status, body, head);
        end();
        step();
    }
    // A watch from version 7 on, of a list with one pod.
    void begin_watch() {
        step();
        answer(200, event("ADDED", pod("a", 5)) + end_of_initial_events(7));
        REQUIRE(sink.lists.size() == 1);
    }
    [[nodiscard]] std::string error() const { return reflector.status().error; }
};

}  // namespace catflap::source::test
