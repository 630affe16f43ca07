// SPDX-License-Identifier: Apache-2.0
#include "cli/event_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/render.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

std::string text(const json& object, const char* field) {
    return printable(object.at(field).get<std::string>());
}

std::string end_text(const json& end) {
    const std::string address = text(end, "address");
    const std::string name = text(end, "name");
    const auto port = end.at("port").get<uint32_t>();
    std::string place = address;
    if (port != 0)
        place = address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                       : fmt::format("[{}]:{}", address, port);
    return name.empty() ? place : name + " " + place;
}

std::string packet_text(const json& event) {
    if (text(event.at("source"), "address").empty())
        return "a frame that was not read";
    const std::string flags = text(event, "tcpFlags");
    return fmt::format("{} -> {} {}{}", end_text(event.at("source")), end_text(event.at("destination")),
                       text(event, "protocol"), flags.empty() ? "" : " " + flags);
}

// Whose policies had a say.
std::string judged_text(const json& event) {
    const std::string pod = text(event, "pod");
    return fmt::format("{} of {}", text(event, "direction"), pod.empty() ? text(event, "interface") : pod);
}

std::string cause_text(const json& event) {
    if (event.at("verdict") == "allowed") {
        const std::string rule = text(event, "rule");
        return rule.empty() ? "no policy had a say" : "admitted by " + rule;
    }
    const std::string reason = text(event, "reason");
    const auto policies = event.at("policies").get<std::vector<std::string>>();
    const std::string early = event.at("hook") == "uplink" ? " (on the uplink)" : "";
    // Of a policy of the cluster, whose rules may deny.
    if (const std::string rule = text(event, "rule"); !rule.empty())
        return fmt::format("{}: denied by {}{}", reason, rule, early);
    return policies.empty() ? reason + early
                            : fmt::format("{}: isolated by {}{}", reason,
                                          printable(fmt::format("{}", fmt::join(policies, ", "))), early);
}

std::string verdict_text(const json& event) {
    return event.at("verdict") == "wouldDrop" ? "would drop" : text(event, "verdict");
}

Colour colour_of(const json& event) {
    if (event.at("verdict") == "allowed")
        return Colour::green;
    return event.at("verdict") == "dropped" ? Colour::red : Colour::yellow;
}

// "2026-11-29T16:02:11.123456Z" -> "16:02:11.123Z"
std::string time_of_day(const json& event) {
    const std::string time = text(event, "time");
    return time.size() < 23 ? time : time.substr(11, 12) + "Z";
}

}  // namespace

std::string event_line(const json& event, bool colours) {
    return fmt::format("{} {} {}: {}, {}", time_of_day(event), paint(colour_of(event), verdict_text(event), colours),
                       judged_text(event), packet_text(event), cause_text(event));
}

std::string event_comment(const json& event) {
    return fmt::format("{} {}, {}", verdict_text(event), judged_text(event), cause_text(event));
}

std::string losses_line(const json& lost) {
    std::vector<std::string> parts;
    const auto add = [&](const char* field, const char* words) {
        if (const auto count = lost.at(field).get<uint64_t>(); count != 0)
            parts.push_back(fmt::format("{} {}", count, words));
    };
    add("limited", "were more than an endpoint may have");
    add("full", "came faster than the agent reads");
    add("unread", "came faster than they were taken here");
    return fmt::format("{} events are lost so far: {}", lost.at("lost").get<uint64_t>(), fmt::join(parts, ", "));
}

}  // namespace catflap::cli
