// SPDX-License-Identifier: Apache-2.0
#include "report/event.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace catflap::report {
namespace {

using nlohmann::json;

std::string field_of(const json& request, const char* field) {
    const auto found = request.find(field);
    return found != request.end() && found->is_string() ? found->get<std::string>() : "";
}

bool flag(const json& request, const char* field) {
    const auto found = request.find(field);
    return found != request.end() && found->is_boolean() && found->get<bool>();
}

// RFC 3339 in UTC, with microseconds.
std::string time_text(std::chrono::system_clock::time_point at) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(at);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(at - whole);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                       rest.count());
}

json object_of(const PacketEnd& end) {
    return {{"address", end.address}, {"port", end.port}, {"name", end.name}};
}

std::string hex(const std::vector<uint8_t>& bytes) {
    std::string result;
    result.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes)
        fmt::format_to(std::back_inserter(result), "{:02x}", byte);
    return result;
}

std::string line_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

MonitorQuestion parse_monitor(const json& request) {
    MonitorQuestion question;
    question.flows = flag(request, "flows");
    question.heads = flag(request, "heads");
    question.pod = field_of(request, "pod");
    question.ns = field_of(request, "namespace");
    question.policy = field_of(request, "policy");
    question.reason = field_of(request, "reason");
    question.from = field_of(request, "from");
    question.to = field_of(request, "to");
    question.port = field_of(request, "port");
    question.protocol = field_of(request, "protocol");
    return question;
}

const char* to_string(PacketVerdict verdict) {
    switch (verdict) {
        case PacketVerdict::allowed:
            return "allowed";
        case PacketVerdict::dropped:
            return "dropped";
        case PacketVerdict::would_drop:
            break;
    }
    return "wouldDrop";
}

std::string to_line(const EventRow& row, bool with_head) {
    json value = {{"time", time_text(row.at)},
                  {"verdict", to_string(row.verdict)},
                  {"direction", row.direction},
                  {"pod", row.pod},
                  {"interface", row.interface},
                  {"hook", row.hook},
                  {"source", object_of(row.source)},
                  {"destination", object_of(row.destination)},
                  {"protocol", row.protocol},
                  {"tcpFlags", row.tcp_flags},
                  {"reason", row.reason},
                  {"policies", row.policies},
                  {"rule", row.rule},
                  {"packets", row.packets},
                  {"bytes", row.bytes}};
    if (with_head) {
        value["frameBytes"] = row.frame_bytes;
        value["head"] = hex(row.head);
    }
    return line_of(value);
}

std::string to_line(const LostEvents& lost) {
    return line_of({{"time", time_text(lost.at)},
                    {"lost", lost.sum()},
                    {"limited", lost.limited},
                    {"full", lost.full},
                    {"unread", lost.unread}});
}

}  // namespace catflap::report
