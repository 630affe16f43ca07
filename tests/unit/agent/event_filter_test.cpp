// SPDX-License-Identifier: Apache-2.0
#include "agent/event_filter.h"

#include <doctest/doctest.h>

using namespace catflap;
using catflap::agent::EventFilter;
using report::EventRow;
using report::MonitorQuestion;

namespace {

EventRow a_row() {
    EventRow row;
    row.pod = "shop/web";
    row.source = {"10.0.0.2", 40000, "lab/client"};
    row.destination = {"10.0.0.1", 80, "shop/web"};
    row.protocol = "TCP";
    row.reason = "policy";
    row.policies = {"shop/deny", "shop/web-policy"};
    return row;
}

bool takes(const MonitorQuestion& question, const EventRow& row = a_row()) {
    const auto filter = EventFilter::make(question);
    REQUIRE_MESSAGE(filter, filter.error().message);
    return filter->takes(row);
}

MonitorQuestion with(std::string MonitorQuestion::*field, const std::string& value) {
    MonitorQuestion question;
    question.*field = value;
    return question;
}

}  // namespace

TEST_CASE("a filter that asks for nothing takes everything") {
    CHECK(takes({}));
    CHECK(takes({}, EventRow{}));
}

TEST_CASE("each filter by itself: what it takes, and what it does not") {
    const struct {
        std::string MonitorQuestion::*field;
        std::vector<std::string> taken;
        std::vector<std::string> left;
    } cases[] = {
        {&MonitorQuestion::pod, {"shop/web", "web", "lab/client", "client"}, {"eb", "lab/web", "shop/we"}},
        {&MonitorQuestion::ns, {"shop", "lab"}, {"sho", "shop/web", "web"}},
        {&MonitorQuestion::policy, {"deny", "shop/deny", "shop/web-policy"}, {"lab/deny", "policy"}},
        {&MonitorQuestion::reason, {"policy"}, {"fragment"}},
        {&MonitorQuestion::from, {"client", "lab/client", "10.0.0.2", "10.0.0.0/30"}, {"web", "10.0.0.1", "fd00::/8"}},
        {&MonitorQuestion::to, {"web", "10.0.0.1/32"}, {"client", "10.0.0.2"}},
        {&MonitorQuestion::port, {"80", "40000"}, {"81", "8"}},
        {&MonitorQuestion::protocol, {"tcp", "TCP"}, {"udp", "6", "icmpv6"}},
    };
    for (const auto& one : cases) {
        for (const std::string& value : one.taken)
            CHECK_MESSAGE(takes(with(one.field, value)), value);
        for (const std::string& value : one.left)
            CHECK_FALSE_MESSAGE(takes(with(one.field, value)), value);
    }
}

TEST_CASE("all filters of a question must hold") {
    MonitorQuestion question = with(&MonitorQuestion::from, "client");
    question.port = "80";
    CHECK(takes(question));
    question.to = "client";
    CHECK_FALSE(takes(question));
}

TEST_CASE("who is no pod, and a frame that was not read") {
    EventRow row = a_row();
    row.source = {"10.8.0.1", 0, "node/n1"};
    CHECK(takes(with(&MonitorQuestion::from, "node/n1"), row));
    row.source = {};
    CHECK_FALSE(takes(with(&MonitorQuestion::from, "10.8.0.1"), row));
    CHECK_FALSE(takes(with(&MonitorQuestion::from, "0.0.0.0/0"), row));
    CHECK(takes(with(&MonitorQuestion::pod, "web"), row));
}

TEST_CASE("what cannot be meant is refused") {
    CHECK_FALSE(EventFilter::make(with(&MonitorQuestion::reason, "polizy")));
    CHECK_FALSE(EventFilter::make(with(&MonitorQuestion::port, "http")));
    CHECK_FALSE(EventFilter::make(with(&MonitorQuestion::port, "65536")));
    CHECK_FALSE(EventFilter::make(with(&MonitorQuestion::protocol, "tcpp")));
    CHECK_FALSE(EventFilter::make(with(&MonitorQuestion::from, "10.0.0.0/33")));
    CHECK_FALSE(EventFilter::make(with(&MonitorQuestion::to, "fd00::zz")));
}
