// SPDX-License-Identifier: Apache-2.0
#include "agent/rules_survey.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"
#include "iptables/apply/tool.h"
#include "netfilter/foreign_rules.h"
#include "netfilter/ipsec_policies.h"
#include "netfilter/legacy_size.h"
#include "netfilter/read_chains.h"

namespace catflap::agent {
namespace {

using Clock = std::chrono::steady_clock;
using Sentences = std::vector<std::string>;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::seconds kLegacyEvery{10};
// A look that takes longer (a program that hangs) leaves nothing that could be relied on.
constexpr std::chrono::seconds kValidFor{10};
// After each look, however often rules change.
constexpr std::chrono::milliseconds kRest{100};

struct Legacy {
    const char* family;
    const char* names;  // of the tables that are there; not of this process's first thread, whose namespace may differ
    const char* tool;
};
constexpr std::array<Legacy, 2> kLegacy = {{
    {"ip", "/proc/thread-self/net/ip_tables_names", "iptables-legacy-save"},
    {"ip6", "/proc/thread-self/net/ip6_tables_names", "ip6tables-legacy-save"},
}};

Sentences look_at_table(const Legacy& legacy, const std::string& table) {
    const auto tool = iptables::find_tool(legacy.tool);
    if (!tool)
        return {
            fmt::format("table {} {} (iptables-legacy) may have rules of others, and {}, which reads them, is not "
                        "installed",
                        legacy.family, table, legacy.tool)};
    const auto saved = iptables::run_tool({*tool, "-t", table});
    if (!saved)
        return {fmt::format("table {} {} (iptables-legacy) cannot be read: {}", legacy.family, table,
                            saved.error().message)};
    return netfilter::foreign_rules(netfilter::parse_legacy(*saved, legacy.family));
}

// Without asking for a table that is not there: that would make it.
std::vector<std::string> legacy_tables(const Legacy& legacy) {
    std::vector<std::string> tables;
    std::ifstream names(legacy.names);
    for (std::string table; std::getline(names, table);)
        if (table != "nat")  // kube-proxy's, with all Services
            tables.push_back(table);
    return tables;
}

Sentences look_at_legacy() {
    Sentences result;
    for (const Legacy& legacy : kLegacy)
        for (const std::string& table : legacy_tables(legacy))
            std::ranges::copy(look_at_table(legacy, table), std::back_inserter(result));
    return result;
}

using Sizes = std::map<std::pair<std::string, std::string>, std::pair<uint32_t, uint32_t>>;

// One that cannot be asked for is read again every ten seconds, as all are.
Sizes legacy_sizes() {
    Sizes sizes;
    for (const Legacy& legacy : kLegacy)
        for (const std::string& table : legacy_tables(legacy))
            sizes[{legacy.family, table}] =
                netfilter::legacy_size(legacy.family, table).value_or(std::pair{uint32_t{0}, uint32_t{0}});
    return sizes;
}

Sentences look_at_nftables() {
    const auto chains = netfilter::read_hooked_chains();
    return chains ? netfilter::foreign_rules(*chains) : Sentences{chains.error().message};
}

Sentences look_at_ipsec() {
    const auto count = netfilter::count_ipsec_policies();
    if (!count)
        return {count.error().message};
    return *count == 0 ? Sentences{} : Sentences{"IPsec policies (ip xfrm policy) see forwarded packets"};
}

}  // namespace

struct RulesSurvey::State {
    UniqueFd told;
    std::mutex mutex;
    std::condition_variable wake;
    bool asked = false;
    bool stop = false;
    std::optional<Sentences> findings;
    Clock::time_point found_at;  // by the last look that came to its end
    std::thread thread;

    void run();
    void tell(Sentences found);
    bool rest();
};

void RulesSurvey::State::run() {
    std::optional<uint32_t> generation;
    Sentences nftables;
    Sentences legacy;
    Sizes legacy_as;
    Clock::time_point legacy_at{};
    do {
        // Asked before the chains are read: what changes meanwhile is seen the next time.
        const auto now = netfilter::ruleset_generation();
        if (!now || !generation || *now != *generation)
            nftables = look_at_nftables();
        generation = now ? std::optional(*now) : std::nullopt;
        if (auto sizes = legacy_sizes(); sizes != legacy_as || Clock::now() >= legacy_at) {
            legacy = look_at_legacy();
            legacy_as = std::move(sizes);
            legacy_at = Clock::now() + kLegacyEvery;
        }
        Sentences all = nftables;
        std::ranges::copy(legacy, std::back_inserter(all));
        std::ranges::copy(look_at_ipsec(), std::back_inserter(all));
        tell(std::move(all));
    } while (rest());
}

void RulesSurvey::State::tell(Sentences found) {
    const std::lock_guard lock(mutex);
    found_at = Clock::now();
    if (findings == found)
        return;
    findings = std::move(found);
    eventfd_write(told.get(), 1);
}

// False: it is over.
bool RulesSurvey::State::rest() {
    std::unique_lock lock(mutex);
    if (!wake.wait_for(lock, kRest, [&] { return stop; }))
        wake.wait_for(lock, kLookEvery - kRest, [&] { return stop || asked; });
    asked = false;
    return !stop;
}

RulesSurvey::RulesSurvey(std::unique_ptr<State> state) : state_(std::move(state)) {
    state_->thread = std::thread([self = state_.get()] { self->run(); });
}

RulesSurvey::~RulesSurvey() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stop = true;
    }
    state_->wake.notify_all();
    state_->thread.join();
}

Result<std::unique_ptr<RulesSurvey>> RulesSurvey::start() {
    auto state = std::make_unique<State>();
    state->told = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!state->told)
        return fail_errno(errno, "open an event descriptor");
    return std::unique_ptr<RulesSurvey>(new RulesSurvey(std::move(state)));
}

int RulesSurvey::fd() const {
    return state_->told.get();
}

void RulesSurvey::look() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->asked = true;
    }
    state_->wake.notify_all();
}

std::optional<Sentences> RulesSurvey::findings() {
    eventfd_t count = 0;
    (void)eventfd_read(state_->told.get(), &count);
    const std::lock_guard lock(state_->mutex);
    if (Clock::now() - state_->found_at > kValidFor)
        return std::nullopt;
    return state_->findings;
}

}  // namespace catflap::agent
