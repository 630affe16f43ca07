// SPDX-License-Identifier: Apache-2.0
// What the eBPF engine has loaded and attached, compared with what it is to have: the programs on the interfaces, then
// the maps.
#include "compile/verify/comparison.h"

#include <fmt/ranges.h>

#include "engine/ebpf/ebpf_engine.h"
#include "kernel/maps/map_view.h"

namespace catflap::engine {
namespace {

class EbpfComparison final : public Comparison {
  public:
    EbpfComparison(EbpfEngine& engine, ComparisonOrder order)
        : engine_(engine),
          order_(std::move(order)),
          view_(engine.datapath().store()),
          maps_(engine.committer(), engine.datapath().store(), view_, order_.mends) {
        found_.repair = order_.mends;
        found_.check("attachments");
        found_.check("uplinks");
    }

    bool step(Clock::time_point until) override {
        do {
            if (!order_.interfaces.empty()) {
                const auto one = order_.interfaces.extract(order_.interfaces.begin());
                look_at_interface(one.key(), one.mapped());
            } else if (!order_.uplinks.empty()) {
                const auto one = order_.uplinks.extract(order_.uplinks.begin());
                look_at_uplink(one.key(), one.mapped());
            } else if (maps_.step(until)) {
                return true;
            }
        } while (Clock::now() < until);
        return false;
    }

    [[nodiscard]] report::Verification found() const override {
        report::Verification all = found_;
        const compile::Findings& maps = maps_.findings();
        for (size_t part = 0; part < maps.parts.size(); ++part) {
            const compile::PartCount& count = maps.parts[part];
            all.checks.push_back(
                {compile::kPartNames[part], count.checked, count.differences, count.mended, count.unread});
        }
        for (const compile::Difference& one : maps.differences)
            all.differences.push_back({compile::kPartNames[static_cast<size_t>(one.part)], one.object, one.expected,
                                       one.found, done_text(one.mended, one.trouble)});
        return all;
    }

  private:
    static std::string done_text(bool mended, const std::string& trouble) {
        return mended ? "mended" : trouble.empty() ? "nothing" : "not mended: " + trouble;
    }

    // The link in place, first at its hook, with the program that reads these maps.
    void look_at_interface(uint32_t ifindex, const std::string& name) {
        found_.check("attachments").checked += 2;
        const auto sentences = engine_.datapath().look_at(ifindex);
        if (const auto others = engine_.datapath().attachments().others_at(ifindex); !others.empty())
            found_.notes.push_back(
                fmt::format("interface {} has other programs at its hooks, too: {}", name, fmt::join(others, ", ")));
        if (sentences[0].empty() && sentences[1].empty())
            return;
        const Result<> attached = order_.mends ? engine_.attach(ifindex, name) : Result<>{};
        for (size_t hook = 0; hook < sentences.size(); ++hook)
            if (!sentences[hook].empty())
                add("attachments", fmt::format("{} ({}), {}", name, ifindex, hook == 0 ? "from_pod" : "to_pod"),
                    "our program, first at the hook", sentences[hook], attached);
    }

    // set_uplinks() of the agent puts back what is missing, every second.
    void look_at_uplink(uint32_t ifindex, const std::string& name) {
        ++found_.check("uplinks").checked;
        const std::string sentence = engine_.look_at_uplink(ifindex);
        if (sentence.empty())
            return;
        Result<> attached;
        if (order_.mends)
            for (const auto& [index, refusal] : engine_.keep_uplinks())
                if (index == ifindex)
                    attached = fail("{}", refusal);
        add("uplinks", fmt::format("{} ({})", name, ifindex), "our program", sentence, attached);
    }

    void add(const char* check, std::string object, const char* expected, std::string found, const Result<>& done) {
        const bool mended = order_.mends && done;
        found_.add(
            {check, std::move(object), expected, std::move(found), done_text(mended, done ? "" : done.error().message)},
            mended);
    }

    EbpfEngine& engine_;
    ComparisonOrder order_;
    kernel::MapView view_;
    compile::Comparison maps_;
    report::Verification found_;
};

}  // namespace

std::unique_ptr<Comparison> EbpfEngine::compare(const ComparisonOrder& order, bool /*asked*/) {
    return std::make_unique<EbpfComparison>(*this, order);
}

}  // namespace catflap::engine
