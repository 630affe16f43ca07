// SPDX-License-Identifier: Apache-2.0
// An engine that enforces nothing, does what its test says, and remembers what the agent asked of it and when.
#pragma once

#include <fmt/format.h>
#include <net/if.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "engine/engine.h"

namespace catflap::test {

// What outlives a single engine: the kernel, so to speak.
struct FakeKernel {
    // To be set by the test.
    std::deque<Error> open_errors;    // of the next attempts to open an engine
    std::deque<Error> commit_errors;  // of the next commits
    bool break_at_failure = false;    // a failed commit breaks the engine
    std::chrono::milliseconds commit_takes{0};
    std::map<std::string, Error> attach_errors;  // by interface
    bool commit_again = false;                   // after a reclaim
    compile::Capacity capacity;
    bool asks_conntrack = false;
    bool redirects = false;
    engine::EarlyDrop early_drop{"tc", ""};
    std::map<std::string, std::string> no_early_drop;  // why not at an interface, by its name
    std::map<std::string, std::string> others;         // what others have at an interface, by its name
    std::vector<report::Row> rows;                     // that it has to show
    bool cannot_list = false;
    int slices = 0;  // of a pass that compares; 0: there are none
    std::chrono::milliseconds slice_takes{0};
    report::Verification verification;  // what a pass finds
    bool tells_events = true;
    std::deque<engine::Event> events;  // that wait to be read
    engine::EventLosses event_losses;
    engine::Listening listening;  // as it was told last
    std::optional<bool> admits;   // what its tables say of every connection; nothing: it has none

    // What happened, in order: "open", "commit", "attach cali1", "reclaim", ...
    std::vector<std::string> acts;
    std::set<uint32_t> attached;
    std::map<uint32_t, catflap_redirect_gate> gates;
    std::map<uint32_t, catflap_uplink> short_uplinks;  // by which established flows may leave and come
    std::string refuses_uplinks;
    std::optional<std::set<uint32_t>> uplinks;  // nothing: never told
    std::vector<std::string> acts_before_uplinks;
    int reclaim_fd = -1;  // of the engine that is open; write to it: a grace period is over

    // Of the last commit that succeeded.
    std::map<std::string, std::string> enforced;  // interface -> pod; "": none
    std::set<ObjectName> policies;
    size_t rules = 0;                        // of all policies, for ingress
    std::map<ObjectName, std::string> pods;  // of the cluster, with their first address
    bool everything_changed = false;
    bool same_endpoints = false;

    [[nodiscard]] size_t count(const std::string& act) const {
        return static_cast<size_t>(std::ranges::count(acts, act));
    }
};

class FakeComparison final : public engine::Comparison {
  public:
    FakeComparison(FakeKernel& kernel, bool mends) : kernel_(kernel), left_(kernel.slices), mends_(mends) {}
    bool step(Clock::time_point) override {
        // CPU time, as a slice of the real one.
        for (const auto end = std::chrono::steady_clock::now() + kernel_.slice_takes;
             std::chrono::steady_clock::now() < end;)
            continue;
        kernel_.acts.emplace_back("slice");
        return --left_ <= 0;
    }
    [[nodiscard]] report::Verification found() const override {
        report::Verification found = kernel_.verification;
        found.repair = mends_;
        return found;
    }

  private:
    FakeKernel& kernel_;
    int left_;
    bool mends_;
};

class FakeEngine final : public engine::Engine {
  public:
    explicit FakeEngine(FakeKernel& kernel) : kernel_(kernel), reclaim_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        kernel_.reclaim_fd = reclaim_.get();
    }

    Result<engine::CommitReport> commit(const compile::Desired& desired) override {
        std::this_thread::sleep_for(kernel_.commit_takes);
        if (!kernel_.commit_errors.empty()) {
            const Error error = kernel_.commit_errors.front();
            kernel_.commit_errors.pop_front();
            kernel_.acts.emplace_back("refuse");
            broken_ = kernel_.break_at_failure;
            return tl::unexpected(error);
        }
        kernel_.acts.emplace_back("commit");
        kernel_.enforced.clear();
        for (const compile::EndpointSpec& endpoint : desired.endpoints)
            kernel_.enforced[endpoint.interface] = endpoint.pod ? to_string(*endpoint.pod) : "";
        kernel_.policies.clear();
        kernel_.rules = 0;
        for (const auto& [name, policy] : desired.cluster.policies) {
            kernel_.policies.insert(name);
            kernel_.rules += policy.ingress.size();
        }
        kernel_.pods.clear();
        for (const auto& [name, pod] : desired.cluster.pods)
            kernel_.pods[name] = pod.addresses.empty() ? "" : to_string(pod.addresses.front());
        kernel_.everything_changed = desired.changes.everything;
        kernel_.same_endpoints = desired.same_endpoints;
        return engine::CommitReport{};
    }
    [[nodiscard]] bool broken() const override { return broken_; }
    [[nodiscard]] compile::Capacity capacity() const override { return kernel_.capacity; }
    [[nodiscard]] int fd() const override { return reclaim_.get(); }
    Result<bool> reclaim() override {
        eventfd_t count = 0;
        eventfd_read(reclaim_.get(), &count);
        kernel_.acts.emplace_back("reclaim");
        return std::exchange(kernel_.commit_again, false);
    }
    Result<bool> reclaim_now() override {
        kernel_.acts.emplace_back("reclaim now");
        return false;
    }

    Result<> attach(uint32_t ifindex, const std::string& interface) override {
        kernel_.acts.push_back("attach " + interface);
        if (const auto error = kernel_.attach_errors.find(interface); error != kernel_.attach_errors.end())
            return tl::unexpected(error->second);
        kernel_.attached.insert(ifindex);
        return {};
    }
    [[nodiscard]] bool attached(uint32_t ifindex) const override { return kernel_.attached.contains(ifindex); }
    void keep_only(const std::vector<uint32_t>& present) override {
        std::erase_if(kernel_.attached,
                      [&](uint32_t ifindex) { return std::ranges::find(present, ifindex) == present.end(); });
    }
    bool audit() override { return false; }
    [[nodiscard]] bool asks_conntrack() const override { return kernel_.asks_conntrack; }
    [[nodiscard]] bool redirects() const override { return kernel_.redirects; }
    std::map<uint32_t, std::string> set_gates(const std::map<uint32_t, catflap_redirect_gate>& gates,
                                              const std::map<uint32_t, catflap_uplink>& uplinks) override {
        kernel_.gates = gates;
        kernel_.short_uplinks = uplinks;
        return {};
    }
    [[nodiscard]] std::string refuses_uplinks() const override { return kernel_.refuses_uplinks; }
    [[nodiscard]] Result<std::map<uint32_t, std::string>> others_at(const std::set<uint32_t>& interfaces,
                                                                    const std::set<uint32_t>& uplinks) override {
        std::map<uint32_t, std::string> result;
        for (const auto& [name, sentence] : kernel_.others)
            if (const uint32_t ifindex = if_nametoindex(name.c_str());
                interfaces.contains(ifindex) || uplinks.contains(ifindex))
                result[ifindex] = sentence;
        return result;
    }
    [[nodiscard]] engine::EarlyDrop early_drop() const override { return kernel_.early_drop; }
    std::map<uint32_t, std::string> set_uplinks(const std::set<uint32_t>& uplinks) override {
        if (!kernel_.uplinks)
            kernel_.acts_before_uplinks = kernel_.acts;
        kernel_.uplinks = uplinks;
        std::map<uint32_t, std::string> refused;
        for (const auto& [name, sentence] : kernel_.no_early_drop)
            if (const uint32_t ifindex = if_nametoindex(name.c_str()); uplinks.contains(ifindex))
                refused[ifindex] = sentence;
        return refused;
    }
    [[nodiscard]] std::string attached_by() const override { return "fake"; }

    std::unique_ptr<engine::Comparison> compare(const engine::ComparisonOrder& order, bool asked) override {
        if (kernel_.slices == 0)
            return nullptr;
        kernel_.acts.emplace_back(asked ? "compare for who asks" : "compare");
        return std::make_unique<FakeComparison>(kernel_, order.mends);
    }
    [[nodiscard]] std::optional<bool> admits(uint32_t, resolve::Direction, const Address&, uint8_t,
                                             uint16_t) const override {
        return kernel_.admits;
    }

    Result<> listen(const engine::Listening& what) override {
        if (!kernel_.tells_events)
            return Engine::listen(what);
        kernel_.listening = what;
        return {};
    }
    size_t read_events(size_t most, const engine::TakeEvent& take) override {
        size_t count = 0;
        for (; count < most && !kernel_.events.empty(); ++count) {
            take(kernel_.events.front());
            kernel_.events.pop_front();
        }
        return count;
    }
    [[nodiscard]] engine::EventLosses event_losses() const override { return kernel_.event_losses; }

    Result<> list(const engine::View&, report::Page& page) const override {
        if (kernel_.cannot_list)
            return fail("a list that cannot be made");
        const auto cursor = page.cursor("n");
        if (!cursor)
            return tl::unexpected(cursor.error());
        for (size_t i = *cursor ? (*cursor)->number(0) : 0; i < kernel_.rows.size(); ++i) {
            if (page.full()) {
                page.continue_at({uint64_t{i}});
                break;
            }
            if (is_of(page.query().kind, kernel_.rows[i]))
                page.add(kernel_.rows[i]);
        }
        return {};
    }
    [[nodiscard]] report::EngineStatus status(const engine::View&) const override { return {}; }

  private:
    static bool is_of(report::Kind kind, const report::Row& row) {
        return (kind == report::Kind::endpoints && std::holds_alternative<report::EndpointRow>(row)) ||
               (kind == report::Kind::policies && std::holds_alternative<report::PolicyRow>(row)) ||
               (kind == report::Kind::drops && std::holds_alternative<report::DropRow>(row));
    }

    FakeKernel& kernel_;
    UniqueFd reclaim_;
    bool broken_ = false;
};

class FakeEngines final : public engine::Engines {
  public:
    explicit FakeEngines(FakeKernel& kernel) : kernel_(kernel) {}
    Result<std::unique_ptr<engine::Engine>> open(const engine::Options&, const compile::Capacity& capacity) override {
        if (!kernel_.open_errors.empty()) {
            const Error error = kernel_.open_errors.front();
            kernel_.open_errors.pop_front();
            kernel_.acts.emplace_back("fail to open");
            return tl::unexpected(error);
        }
        kernel_.acts.emplace_back("open");
        if (capacity.pages > 0)
            kernel_.capacity = capacity;
        return std::make_unique<FakeEngine>(kernel_);
    }
    Result<> remove_others(const engine::Options&, const std::vector<uint32_t>&) override {
        kernel_.acts.emplace_back("remove others");
        return {};
    }

  private:
    FakeKernel& kernel_;
};

}  // namespace catflap::test
