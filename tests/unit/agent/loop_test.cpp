// SPDX-License-Identifier: Apache-2.0
// The agent's loop with real links and a real source, and an engine that does what the test says. Each test has a
// network namespace of its own.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <functional>

#include "agent/agent.h"
#include "support/agent/source_site.h"
#include "support/engine/fake_engine.h"
#include "support/kernel/private_network.h"

using namespace catflap;
using namespace catflap::agent;
using test::FakeKernel;
using test::PrivateNetwork;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

std::string pod(const std::string& name, const std::string& address, const std::string& node = "n1",
                const std::string& labels = "{}") {
    return fmt::format(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {0}, namespace: app, labels: {3}}}\n"
        "spec: {{nodeName: {2}, containers: [{{name: c}}]}}\nstatus: {{phase: Running, podIP: {1}}}\n",
        name, address, node, labels);
}

std::string policy(const std::string& name) {
    return fmt::format(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {}, namespace: app}}\n"
        "spec: {{podSelector: {{}}, policyTypes: [Ingress]}}\n",
        name);
}

// One node with the pods app/a and app/b on cali1 and cali2, and an agent that has not begun.
class Site {
  public:
    static std::unique_ptr<Site> make() {
        auto network = PrivateNetwork::make();
        return network ? std::unique_ptr<Site>(new Site(std::move(*network))) : nullptr;
    }
    // With an agent that enforces.
    static std::unique_ptr<Site> enforcing() {
        auto site = make();
        if (site) {
            site->begin();
            REQUIRE(site->enforces());
        }
        return site;
    }
    ~Site() { agent_.reset(); }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    void begin() {
        auto agent = Agent::open(
            options_, [this]() -> Result<Options> { return options_; }, engines_);
        REQUIRE_MESSAGE(agent, agent.error().message);
        agent_ = std::move(*agent);
    }
    // Rounds of the loop until it holds. False: not within so long.
    bool reaches(const std::function<bool()>& holds, std::chrono::milliseconds patience = 20s) {
        for (const auto end = Clock::now() + patience; Clock::now() < end;) {
            if (holds())
                return true;
            const auto more = agent_->step(10ms);
            REQUIRE_MESSAGE(more, more.error().message);
            REQUIRE(*more);  // else somebody has told the process to stop
        }
        return holds();
    }
    bool enforces() {
        return reaches([&] { return agent_->state().enforcing; });
    }
    // As a client of the control socket asks for it.
    Result<report::Settled> settles() { return agent_->settle(std::nullopt); }
    [[nodiscard]] const AgentState& state() const { return agent_->state(); }

    FakeKernel kernel;
    test::SourceSite source;

  private:
    explicit Site(PrivateNetwork network) : network_(std::move(network)) {
        for (const char* name : {"cali1", "cali2"})
            PrivateNetwork::add_veth(name);
        PrivateNetwork::ip("route add 10.0.0.1/32 dev cali1 scope link\nroute add 10.0.0.2/32 dev cali2 scope link\n");
        source.put("pods.yaml", pod("a", "10.0.0.1") + pod("b", "10.0.0.2"));
        options_.source_dir = source.directory();
        options_.node = "n1";
        options_.run_dir = run_.directory() / "run";
        options_.pin_dir = run_.directory() / "pins";
        options_.mode = Mode::iptables;   // needs no bpffs
        options_.guard = GuardWish::off;  // and no nftables
    }

    PrivateNetwork network_;
    test::SourceSite run_;
    Options options_;
    test::FakeEngines engines_{kernel};
    std::unique_ptr<Agent> agent_;
};

using Pods = std::map<std::string, std::string>;
const Pods kBoth = {{"cali1", "app/a"}, {"cali2", "app/b"}};

}  // namespace

TEST_CASE("a start commits before it attaches, and takes away others last") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    CHECK(node->kernel.acts ==
          std::vector<std::string>{"open", "commit", "attach cali1", "attach cali2", "remove others"});
    CHECK(node->kernel.enforced == kBoth);
    CHECK(node->kernel.everything_changed);
}

TEST_CASE("an engine that cannot be opened is opened again, and the reason is told meanwhile") {
    const auto node = Site::make();
    if (!node)
        return;
    node->kernel.open_errors = {Error{0, "no bpffs"}};
    node->begin();
    REQUIRE(node->reaches([&] { return node->state().starting.attempts == 1; }));
    CHECK_FALSE(node->state().enforcing);
    CHECK(node->state().starting.error == "no bpffs");
    CHECK(node->enforces());
    CHECK(node->state().starting.error.empty());
}

TEST_CASE("a commit that is refused is tried again without any event, and what was in force is told to be") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    // The second attempt comes at once, after a grace period.
    node->kernel.commit_errors = {Error{0, "no room"}, Error{0, "no room"}};
    node->source.put("policy.yaml", policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.count("refuse") == 2; }));
    CHECK(node->state().commit_error == "no room");
    CHECK(node->kernel.policies.empty());
    CHECK(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    CHECK(node->state().commit_error.empty());
    CHECK(node->kernel.count("open") == 1);
}

TEST_CASE("an engine that breaks is loaded anew, with everything, and attached again") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{0, "a store failed"}};
    node->kernel.break_at_failure = true;
    node->kernel.acts.clear();
    node->kernel.enforced.clear();
    node->source.put("policy.yaml", policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    CHECK(node->kernel.enforced == kBoth);
    CHECK(node->kernel.acts == std::vector<std::string>{"refuse", "open", "commit", "attach cali1", "attach cali2"});
    CHECK_FALSE(node->kernel.same_endpoints);
    CHECK(node->state().enforcing);
    // What the new engine waits for is heard of, though its descriptor may have the number of the old one's.
    eventfd_write(node->kernel.reclaim_fd, 1);
    CHECK(node->reaches([&] { return node->kernel.count("reclaim") == 1; }));
}

TEST_CASE("an engine that cannot be loaded anew leaves the agent starting, until it can") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{0, "a store failed"}};
    node->kernel.break_at_failure = true;
    node->kernel.open_errors = {Error{0, "out of memory"}};
    node->source.put("policy.yaml", policy("p"));
    REQUIRE(node->reaches([&] { return !node->state().enforcing; }));
    CHECK(node->state().starting.error.find("out of memory") != std::string::npos);
    CHECK(node->kernel.attached.size() == 2);  // what is attached stays
    CHECK(node->enforces());
    CHECK(node->kernel.policies.contains({"app", "p"}));
}

TEST_CASE("what does not fit is tried once more after a grace period, before anything is left out") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{compile::kDoesNotFit, "tables"}};
    node->kernel.acts.clear();
    node->source.put("policy.yaml", policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    CHECK(node->kernel.acts == std::vector<std::string>{"refuse", "reclaim now", "commit"});
    CHECK(node->state().not_admitted.empty());
}

TEST_CASE("an interface that cannot be attached keeps none of the others waiting, and is tried again") {
    const auto node = Site::make();
    if (!node)
        return;
    node->kernel.attach_errors["cali1"] = {EBUSY, "another program"};
    node->begin();
    REQUIRE(node->enforces());
    CHECK(node->state().attach_errors == std::map<std::string, std::string>{{"cali1", "another program"}});
    CHECK(node->kernel.attached.size() == 1);
    node->kernel.attach_errors.clear();
    CHECK(node->reaches([&] { return node->kernel.attached.size() == 2; }));
    CHECK(node->state().attach_errors.empty());
}

TEST_CASE("programs that somebody took away are attached again, told and counted") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    node->kernel.attached.clear();
    CHECK(node->reaches([&] { return node->kernel.attached.size() == 2; }));
    const engine::Mend& mend = node->state().mends[static_cast<size_t>(engine::MendKind::attachments)];
    CHECK(mend.count == 2);
    CHECK(mend.last.has_value());
}

TEST_CASE("a new interface is attached and committed; one that goes is forgotten") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    PrivateNetwork::add_veth("cali3");
    CHECK(node->reaches([&] { return node->kernel.enforced.contains("cali3"); }));
    CHECK(node->kernel.enforced["cali3"].empty());
    CHECK(node->kernel.attached.size() == 3);
    PrivateNetwork::ip("link delete cali1\n");
    CHECK(node->reaches([&] { return !node->kernel.enforced.contains("cali1"); }));
    CHECK(node->kernel.attached.size() == 2);
}

TEST_CASE("when a grace period is over, what was retired is given back; then there may be something to tidy up") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    const size_t commits = node->state().commits;
    node->kernel.commit_again = true;
    eventfd_write(node->kernel.reclaim_fd, 1);
    CHECK(node->reaches([&] { return node->kernel.count("reclaim") == 1 && node->state().commits > commits; }));
    CHECK(node->kernel.same_endpoints);
}

TEST_CASE("other nodes' pods may wait after a commit, and go with what may not") {
    const auto node = Site::make();
    if (!node)
        return;
    node->kernel.commit_takes = 20ms;  // after which others rest for 500 ms
    node->begin();
    REQUIRE(node->enforces());
    node->source.put("policy.yaml", policy("p"));
    REQUIRE(node->reaches([&] { return node->kernel.policies.contains({"app", "p"}); }));
    const auto committed = Clock::now();
    const size_t commits = node->state().commits;
    node->source.put("far.yaml", pod("far", "10.0.9.9", "n2"));
    REQUIRE(node->reaches([&] { return node->state().source->cluster().pods.contains({"app", "far"}); }));
    if (Clock::now() - committed < 400ms)
        CHECK(node->state().commits == commits);
    node->source.put("urgent.yaml", policy("urgent"));
    CHECK(node->reaches([&] { return node->kernel.policies.contains({"app", "urgent"}); }));
    // And alone it is committed, too, when the rest is over.
    node->source.put("far.yaml", pod("far", "10.0.9.8", "n2"));
    CHECK(node->reaches([&] { return node->kernel.pods.at({"app", "far"}) == "10.0.9.8"; }));
}

TEST_CASE("a source that cannot be read is told, and what it held stays in force") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    node->source.remove("pods.yaml");
    CHECK(node->reaches([&] { return !node->state().source_error.empty(); }));
    CHECK(node->kernel.enforced == kBoth);
    node->source.put("pods.yaml", pod("a", "10.0.0.1") + pod("b", "10.0.0.2"));
    CHECK(node->reaches([&] { return node->state().source_error.empty(); }));
}

TEST_CASE("a settle that finds no engine any more leaves an agent that starts again, and does not end it") {
    const auto node = Site::enforcing();
    if (!node)
        return;
    node->kernel.commit_errors = {Error{0, "a store failed"}};
    node->kernel.break_at_failure = true;
    node->kernel.open_errors = {Error{0, "out of memory"}};
    node->source.put("policy.yaml", policy("p"));
    const auto told = node->settles();
    REQUIRE_FALSE(told);
    CHECK(told.error().message == "commit: a store failed");
    CHECK_FALSE(node->state().enforcing);
    CHECK(node->enforces());
    CHECK(node->kernel.policies.contains({"app", "p"}));
}
