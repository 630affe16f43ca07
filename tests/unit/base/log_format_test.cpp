// SPDX-License-Identifier: Apache-2.0
#include "base/log_format.h"

#include <doctest/doctest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <nlohmann/json.hpp>
#include <sstream>

using namespace catflap;

namespace {

// As a logger with this format writes it, a second and a quarter after 1970 began.
std::string line(LogFormat format, const std::string& text) {
    std::ostringstream stream;
    spdlog::sinks::ostream_sink_st sink(stream);
    sink.set_formatter(make_formatter(format));
    const spdlog::log_clock::time_point time{std::chrono::milliseconds(1250)};
    sink.log({time, spdlog::source_loc{}, "", spdlog::level::warn, text});
    return stream.str();
}

}  // namespace

TEST_CASE("a line for programs has the time in UTC, the level and the message") {
    CHECK(line(LogFormat::json, "enforcing for 3 pods") ==
          "{\"ts\":\"1970-01-01T00:00:01.250Z\",\"level\":\"warning\",\"msg\":\"enforcing for 3 pods\"}\n");
    CHECK(line(LogFormat::logfmt, "enforcing for 3 pods") ==
          "ts=1970-01-01T00:00:01.250Z level=warning msg=\"enforcing for 3 pods\"\n");
    CHECK(line(LogFormat::text, "enforcing for 3 pods").ends_with(".250 warning enforcing for 3 pods\n"));
}

TEST_CASE("whatever is in the message, it stays one line, and says what it said") {
    const std::string message = "a \"name\"\\ \n{\"level\":\"info\"}\t\x01";
    const std::string text = line(LogFormat::json, message);
    CHECK(std::ranges::count(text, '\n') == 1);
    CHECK(nlohmann::json::parse(text)["msg"] == message);
    CHECK(line(LogFormat::logfmt, message) ==
          "ts=1970-01-01T00:00:01.250Z level=warning msg=" + in_quotes(message) + "\n");
    // What is not UTF-8 does not make it unreadable.
    CHECK(nlohmann::json::parse(line(LogFormat::json, "bytes \xff\xfe"))["msg"] == "bytes \xef\xbf\xbd\xef\xbf\xbd");
}
