// SPDX-License-Identifier: Apache-2.0
// catflap monitor against an agent that says what the test wants: what is asked, what is shown, how it ends.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/event_text.h"
#include "cli/pcapng.h"
#include "unit/cli/fake_agent.h"

using namespace catflap::cli;
using namespace catflap::cli::test;
using nlohmann::json;

namespace {

json an_event() {
    return {{"time", "2026-11-29T16:02:11.123456Z"},
            {"verdict", "dropped"},
            {"direction", "Ingress"},
            {"pod", "shop/web"},
            {"interface", "cali1"},
            {"hook", "veth"},
            {"source", {{"address", "10.0.0.2"}, {"port", 40000}, {"name", "shop/client"}}},
            {"destination", {{"address", "10.0.0.1"}, {"port", 81}, {"name", "shop/web"}}},
            {"protocol", "TCP"},
            {"tcpFlags", "SYN"},
            {"reason", "policy"},
            {"policies", {"shop/deny", "shop/web"}},
            {"rule", ""},
            {"packets", 1},
            {"bytes", 40}};
}

const std::string kBegin = "{\"ok\":true,\"mode\":\"ebpf\",\"stream\":1}\n";

struct Told {
    Run run;
    json request;
};

// The lines that follow the answer; the agent stays where the last one ends.
Told told(const std::string& lines, std::vector<std::string> arguments) {
    const FakeAgent agent([&](const std::string&) { return kBegin + lines; });
    arguments.insert(arguments.begin(), "monitor");
    arguments.insert(arguments.end(), {"--run-dir", agent.run_dir()});
    Told result;
    result.run = run_cli(std::move(arguments));
    result.request = agent.request();
    return result;
}

}  // namespace

TEST_CASE("monitor: lines for people") {
    const Told one = told(an_event().dump() + "\n", {"--count", "1"});
    CHECK(one.run.exit_code == 0);
    CHECK(one.run.out ==
          "16:02:11.123Z dropped Ingress of shop/web: shop/client 10.0.0.2:40000 -> shop/web 10.0.0.1:81 TCP SYN, "
          "policy: isolated by shop/deny, shop/web\n");
    CHECK(one.run.err == "1 event, 0 lost\n");
}

TEST_CASE("monitor: other kinds of events in words") {
    json event = an_event();
    event["verdict"] = "allowed";
    event["reason"] = "";
    event["rule"] = "shop/web Ingress[0]";
    CHECK(event_line(event, false).ends_with("TCP SYN, admitted by shop/web Ingress[0]"));
    event["rule"] = "";
    CHECK(event_line(event, false).ends_with(", no policy had a say"));
    event = an_event();
    event["rule"] = "ClusterNetworkPolicy deny-ops Ingress[0]";
    CHECK(event_line(event, false).ends_with("policy: denied by ClusterNetworkPolicy deny-ops Ingress[0]"));
    event = an_event();
    event["verdict"] = "wouldDrop";
    event["hook"] = "uplink";
    event["source"] = {{"address", "fd00::2"}, {"port", 5}, {"name", ""}};
    CHECK(event_line(event, false).find("would drop Ingress of shop/web: [fd00::2]:5 -> ") != std::string::npos);
    CHECK(event_line(event, false).ends_with("isolated by shop/deny, shop/web (on the uplink)"));
    event["source"] = event["destination"] = {{"address", ""}, {"port", 0}, {"name", ""}};
    event["pod"] = "";
    event["policies"] = json::array();
    event["reason"] = "ethertype";
    CHECK(event_line(event, false).find("Ingress of cali1: a frame that was not read, ethertype") != std::string::npos);
    event["pod"] = "a\x1b[2Jb";
    CHECK(event_line(event, false).find('\x1b') == std::string::npos);
    CHECK(event_line(an_event(), true).find("\x1b[31mdropped") != std::string::npos);
}

TEST_CASE("monitor: what is asked") {
    const Told one = told(an_event().dump() + "\n",
                          {"--count", "1", "--all", "--pod", "shop/web", "-n", "shop", "--policy", "p", "--reason",
                           "policy", "--from", "10.0.0.0/8", "--to", "web", "--port", "81", "--protocol", "tcp"});
    CHECK(one.request == json{{"command", "monitor"},
                              {"flows", true},
                              {"heads", false},
                              {"pod", "shop/web"},
                              {"namespace", "shop"},
                              {"policy", "p"},
                              {"reason", "policy"},
                              {"from", "10.0.0.0/8"},
                              {"to", "web"},
                              {"port", "81"},
                              {"protocol", "tcp"}});
}

TEST_CASE("monitor: JSON lines are the agent's, losses among them") {
    const json lost = {
        {"time", "2026-11-29T16:02:12.000000Z"}, {"lost", 7}, {"limited", 5}, {"full", 0}, {"unread", 2}};
    const std::string lines = lost.dump() + "\n" + an_event().dump() + "\n";
    CHECK(told(lines, {"-o", "json", "--count", "1"}).run.out == lines);
    const Run text = told(lines, {"--count", "1"}).run;
    CHECK(
        text.err ==
        "catflap: 7 events are lost so far: 5 were more than an endpoint may have, 2 came faster than they were taken "
        "here\n1 event, 7 lost\n");
}

TEST_CASE("monitor: an agent that goes, refuses, or talks nonsense") {
    const Run gone = told(an_event().dump() + "\n{\"time\"", {}).run;  // in the middle of a line
    CHECK(gone.exit_code == 3);
    CHECK(gone.err.find("has gone") != std::string::npos);
    CHECK(gone.out.find("shop/web") != std::string::npos);
    CHECK(told("nonsense\n", {}).run.exit_code == 3);
    const Run refused = run_against({{"ok", false}, {"error", "no events here"}, {"exit", 1}}, {"monitor"});
    CHECK(refused.exit_code == 1);
    CHECK(refused.err == "catflap: no events here\n");
    CHECK(run_cli({"monitor", "-o", "yaml"}).exit_code == 2);
}

TEST_CASE("monitor: pcapng has whole blocks, the frame and its comment") {
    json event = an_event();
    event["frameBytes"] = 1500;
    event["head"] = "0102030405";
    const Told one = told(event.dump() + "\n" + event.dump() + "\n", {"--count", "2", "--pcap", "-"});
    CHECK(one.request["heads"] == true);
    const std::string& file = one.run.out;
    std::vector<uint32_t> types;
    for (size_t at = 0; at < file.size();) {
        uint32_t type = 0;
        uint32_t length = 0;
        uint32_t again = 0;
        REQUIRE(at + 12 <= file.size());
        std::copy_n(file.data() + at, 4, reinterpret_cast<char*>(&type));
        std::copy_n(file.data() + at + 4, 4, reinterpret_cast<char*>(&length));
        REQUIRE(length % 4 == 0);
        REQUIRE(at + length <= file.size());
        std::copy_n(file.data() + at + length - 4, 4, reinterpret_cast<char*>(&again));
        CHECK(again == length);
        types.push_back(type);
        at += length;
    }
    CHECK(types == std::vector<uint32_t>{0x0a0d0d0a, 1, 6, 6});
    CHECK(file.find("\x01\x02\x03\x04\x05") != std::string::npos);
    CHECK(file.find("dropped Ingress of shop/web, policy: isolated by shop/deny, shop/web") != std::string::npos);
    CHECK(file.find("cali1") != std::string::npos);
}

TEST_CASE("monitor: a file that cannot be written is told, and the agent is not left listening") {
    const Told one = told("", {"--pcap", "/nonexistent/x"});
    CHECK(one.run.exit_code == 1);
    CHECK(one.run.err.find("write /nonexistent/x: No such file or directory") != std::string::npos);
}
