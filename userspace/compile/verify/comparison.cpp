// SPDX-License-Identifier: Apache-2.0
#include "compile/verify/comparison.h"

#include <fmt/ranges.h>

#include <iterator>

namespace catflap::compile {

// What verdicts are made of first: a table that is loaded anew is judged by what was mended before it.
const std::vector<Comparison::Piece>& Comparison::pieces() {
    static const std::vector<Piece> kAll = {&Comparison::ports,
                                            &Comparison::addresses,
                                            &Comparison::missing_addresses,
                                            &Comparison::prefixes,
                                            &Comparison::missing_prefixes,
                                            &Comparison::tables,
                                            &Comparison::configs,
                                            &Comparison::interfaces,
                                            &Comparison::missing_interfaces,
                                            &Comparison::local_addresses,
                                            &Comparison::missing_local_addresses,
                                            &Comparison::renew_tables,
                                            &Comparison::renew_endpoints};
    return kAll;
}

bool Comparison::step(Clock::time_point until) {
    highest_.reset();  // commits may have come between
    while (at_ < pieces().size()) {
        if ((this->*pieces()[at_])()) {
            ++at_;
            cursor_ = 0;
        }
        if (Clock::now() >= until)
            break;
    }
    findings_.over = at_ == pieces().size();
    return findings_.over;
}

Comparison::Noted Comparison::note(Difference difference) {
    const Part part = difference.part;
    ++findings_.of(part).differences;
    if (findings_.differences.size() >= Findings::kMost)
        return {part, Findings::kMost};
    findings_.differences.push_back(std::move(difference));
    return {part, findings_.differences.size() - 1};
}

void Comparison::mark(const std::vector<Noted>& noted, const Result<>& done) {
    for (const Noted& one : noted) {
        if (done)
            ++findings_.of(one.part).mended;
        if (one.index == Findings::kMost)
            continue;
        findings_.differences[one.index].mended = done.has_value();
        findings_.differences[one.index].trouble = done ? "" : done.error().message;
    }
}

void Comparison::differs(Difference difference, const std::function<Result<>()>& mend) {
    const Noted noted = note(std::move(difference));
    if (mends_)
        mark({noted}, mend());
}

void Comparison::cannot_read(Part part, const Error& error) {
    findings_.of(part).unread = error.message;
}

bool Comparison::renew_tables() {
    if (!mends_ || damaged_tables_.empty())
        return true;
    const auto one = damaged_tables_.extract(damaged_tables_.begin());
    const auto renewed = committer_.renew(one.key());
    if (renewed)
        renewed_.insert(renewed->begin(), renewed->end());
    mark(one.mapped(), renewed ? Result<>{} : tl::unexpected(renewed.error()));
    return damaged_tables_.empty();
}

// All of them, where an entry was wrong that any of their verdicts may have depended on.
bool Comparison::renew_endpoints() {
    constexpr int kInOnePiece = 8;
    if (!mends_)
        return true;
    if (std::exchange(misjudged_, false))
        for (const auto& [ifindex, endpoint] : loaded().endpoints)
            damaged_endpoints_.try_emplace(ifindex);
    for (int i = 0; i < kInOnePiece && !damaged_endpoints_.empty(); ++i) {
        const auto one = damaged_endpoints_.extract(damaged_endpoints_.begin());
        const bool is_new = renewed_.insert(one.key()).second;
        mark(one.mapped(), is_new ? committer_.renew(std::set<uint32_t>{one.key()}) : Result<>{});
    }
    return damaged_endpoints_.empty();
}

std::string name_of(const LoadedEndpoint& endpoint) {
    return fmt::format("{} on {} ({})", endpoint.spec.pod ? to_string(*endpoint.spec.pod) : "no pod",
                       endpoint.spec.interface, endpoint.spec.ifindex);
}

std::string name_of(const Table& table) {
    std::vector<std::string> policies;
    for (const PolicyName& policy : table.policy->policies)
        policies.push_back(to_string(policy));
    return fmt::format("{} table of {}", table.policy->direction == resolve::Direction::ingress ? "ingress" : "egress",
                       fmt::join(policies, ", "));
}

}  // namespace catflap::compile
