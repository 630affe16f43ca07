// SPDX-License-Identifier: Apache-2.0
// Listeners of `catflap monitor`, as clients of the control socket: who is told of what, and when the engine is told
// that nobody listens.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>

#include "unit/agent/loop_site.h"

using namespace catflap;
using namespace std::chrono_literals;
using catflap::test::AgentSite;

namespace {

class Client {
  public:
    explicit Client(AgentSite& node, const std::string& fields = "")
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        const std::string path = node.options().run_dir / "control.sock";
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        REQUIRE(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        const std::string request = "{\"command\": \"monitor\"" + fields + "}\n";
        REQUIRE(send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
        REQUIRE(node.reaches([&] { return lines() == 1; }));
    }
    // Line ends so far.
    size_t lines() {
        std::array<char, 1 << 16> buffer;
        for (ssize_t count = 0; (count = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
            text_.append(buffer.data(), static_cast<size_t>(count));
        return static_cast<size_t>(std::ranges::count(text_, '\n'));
    }
    [[nodiscard]] bool has(const std::string& words) {
        lines();
        return text_.find(words) != std::string::npos;
    }

  private:
    UniqueFd fd_;
    std::string text_;
};

engine::Event drop_at(uint16_t port, const std::string& source = "10.0.0.1") {
    engine::Event event;
    event.at = std::chrono::system_clock::now();
    event.interface = "cali2";
    event.pod = ObjectName{"app", "b"};
    event.source = parse_address(source).value();
    event.destination = parse_address("10.0.0.2").value();
    event.destination_port = port;
    event.protocol = 6;
    event.tcp_flags = 0x12;
    event.reason = "policy";
    event.policies = {{"app", "p"}};
    event.head = {1, 2};
    return event;
}

}  // namespace

TEST_CASE("monitor: each listener is told what he asked for, with names") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    CHECK_FALSE(node->kernel.listening.any());
    Client all(*node);
    Client port(*node, R"(, "port": "81", "flows": true, "heads": true)");
    REQUIRE(node->reaches([&] { return node->kernel.listening.heads; }));
    CHECK(node->kernel.listening.drops);
    CHECK(node->kernel.listening.flows);
    node->kernel.events.push_back(drop_at(80));
    node->kernel.events.push_back(drop_at(81));
    engine::Event flow = drop_at(81, "192.0.2.1");
    flow.dropped = false;
    flow.reason = "";
    node->kernel.events.push_back(flow);
    REQUIRE(node->reaches([&] { return all.lines() == 3 && port.lines() == 3; }));
    CHECK(all.has(R"("source":{"address":"10.0.0.1","name":"app/a","port":0})"));
    CHECK(all.has(R"("destination":{"address":"10.0.0.2","name":"app/b","port":80})"));
    CHECK(all.has(R"("tcpFlags":"SYN,ACK")"));
    CHECK_FALSE(all.has("head"));
    CHECK_FALSE(all.has("allowed"));
    CHECK(port.has(R"("head":"0102")"));
    CHECK(port.has(R"("verdict":"allowed")"));
    CHECK_FALSE(port.has(R"("port":80)"));
}

TEST_CASE("monitor: when the last listener is gone, the engine is told") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    {
        Client one(*node);
        {
            Client flows(*node, R"(, "flows": true)");
            REQUIRE(node->reaches([&] { return node->kernel.listening.flows; }));
        }
        REQUIRE(node->reaches([&] { return !node->kernel.listening.flows; }));
        CHECK(node->kernel.listening.drops);
    }
    REQUIRE(node->reaches([&] { return !node->kernel.listening.any(); }, 2s));
}

TEST_CASE("monitor: losses since it began are told, and a flood is read in parts") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    node->kernel.event_losses = {1000, 1000};  // of before
    Client one(*node);
    node->kernel.event_losses = {1007, 1002};
    REQUIRE(node->reaches([&] { return one.has(R"("limited":7)"); }));
    CHECK(one.has(R"("lost":9)"));
    const size_t before = one.lines();
    for (uint16_t i = 0; i < 250; ++i)
        node->kernel.events.push_back(drop_at(i));
    REQUIRE(node->reaches([&] { return node->kernel.events.size() < 250; }));
    CHECK(node->kernel.events.size() == 250 - agent::Monitor::kMostEvents);
    REQUIRE(node->reaches([&] { return one.lines() == before + 250; }));
}

TEST_CASE("monitor: a listener who does not read loses events, which are counted, and another one gets his") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    Client stuck(*node);
    Client well(*node, R"(, "port": "7")");
    for (int i = 0; i < 100; ++i)
        node->kernel.events.push_back(drop_at(7));
    // More than its buffer and the socket's hold.
    REQUIRE(node->reaches([&] { return well.lines() == 101; }));
    for (int i = 0; i < 20'000; ++i)
        node->kernel.events.push_back(drop_at(8));
    REQUIRE(node->reaches([&] { return node->kernel.events.empty(); }, 60s));
    node->kernel.events.push_back(drop_at(7));
    REQUIRE(node->reaches([&] { return well.lines() == 102; }));
    REQUIRE(node->reaches([&] { return stuck.has("\"unread\":") && !stuck.has("\"unread\":0"); }));
}

TEST_CASE("monitor: wrong questions, too many listeners, and an engine that tells nothing are refused") {
    const auto node = AgentSite::enforcing();
    if (!node)
        return;
    CHECK(Client(*node, R"(, "reason": "nonsense")").has(R"("exit":2)"));
    CHECK_FALSE(node->kernel.listening.any());
    node->kernel.tells_events = false;
    Client refused(*node);
    CHECK(refused.has(R"("exit":1)"));
    CHECK(refused.has("needs mode ebpf"));
    node->kernel.tells_events = true;
    std::vector<std::unique_ptr<Client>> clients;
    for (size_t i = 0; i < agent::Monitor::kMostListeners; ++i)
        clients.push_back(std::make_unique<Client>(*node));
    CHECK(Client(*node).has("16 monitors listen already"));
}
