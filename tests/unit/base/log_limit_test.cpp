// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <doctest/doctest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

using namespace catflap;
using std::chrono::seconds;

namespace {

const LogLimit::Clock::time_point kBegin{std::chrono::hours(1)};

}  // namespace

TEST_CASE("lines that differ in words with digits are of one kind") {
    CHECK(LogLimit::kind_of("attach to cali12ab: create link 7: Busy") == "attach to #: create link #: Busy");
    CHECK(LogLimit::kind_of("attach to cali9: create link 8: Busy") ==
          LogLimit::kind_of("attach to cali1: create link 2: Busy"));
    CHECK(LogLimit::kind_of("the source is read again") == "the source is read again");
    CHECK(LogLimit::kind_of("") == "");
    CHECK(LogLimit::kind_of(std::string(10000, 'x')).size() == 256);
}

TEST_CASE("so many lines of a kind pass in a minute, and others pass beside them") {
    LogLimit limit(3);
    int admitted = 0;
    for (int i = 0; i < 10; ++i)
        admitted += limit.admit(fmt::format("attach to cali{}: Busy", i), kBegin + seconds(i)) ? 1 : 0;
    CHECK(admitted == 3);
    CHECK(limit.admit("something else", kBegin + seconds(10)));
    CHECK(limit.expire(kBegin + seconds(59)).empty());
    const auto told = limit.expire(kBegin + seconds(60));
    REQUIRE(told.size() == 1);
    CHECK(told.front().kind == "attach to #: Busy");
    CHECK(told.front().lines == 7);
    CHECK(limit.admit("attach to cali1: Busy", kBegin + seconds(61)));
}

TEST_CASE("a kind of which nothing was left out is forgotten in silence") {
    LogLimit limit(3);
    CHECK(limit.admit("once", kBegin));
    CHECK(limit.expire(kBegin + seconds(61)).empty());
    CHECK(limit.expire(kBegin + seconds(122)).empty());
}

TEST_CASE("a logger with the limit writes what is admitted") {
    std::ostringstream text;
    spdlog::logger logger("test", limited(std::make_shared<spdlog::sinks::ostream_sink_st>(text), 2));
    logger.set_pattern("%v");
    for (int i = 0; i < 5; ++i)
        logger.warn("line {}", i);
    CHECK(text.str() == "line 0\nline 1\n");
}
