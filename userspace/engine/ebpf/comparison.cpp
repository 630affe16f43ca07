// SPDX-License-Identifier: Apache-2.0
// What the eBPF engine has loaded and attached, compared with what it is to have: the programs on the interfaces, then
// the maps.
#include "compile/verify/comparison.h"

#include <fmt/ranges.h>
#include <net/if.h>

#include <array>

#include "engine/ebpf/ebpf_engine.h"
#include "kernel/maps/map_view.h"

namespace catflap::engine {
namespace {

// Since the pass began: a pod that ends takes its interface along.
bool is_gone(uint32_t ifindex) {
    std::array<char, IF_NAMESIZE> name{};
    return if_indextoname(ifindex, name.data()) == nullptr;
}

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
        found_.check("redirectGates");
    }

    bool step(Clock::time_point until) override {
        do {
            if (!order_.interfaces.empty()) {
                const auto one = order_.interfaces.extract(order_.interfaces.begin());
                look_at_interface(one.key(), one.mapped());
            } else if (!order_.uplinks.empty()) {
                const auto one = order_.uplinks.extract(order_.uplinks.begin());
                look_at_uplink(one.key(), one.mapped());
            } else if (next_gate_ < CATFLAP_MAX_ENDPOINTS) {
                look_at_gates();
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
        if ((sentences[0].empty() && sentences[1].empty()) || is_gone(ifindex))
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
        if (sentence.empty() || is_gone(ifindex))
            return;
        Result<> attached;
        if (order_.mends)
            for (const auto& [index, refusal] : engine_.keep_uplinks())
                if (index == ifindex)
                    attached = fail("{}", refusal);
        add("uplinks", fmt::format("{} ({})", name, ifindex), "our program", sentence, attached);
    }

    // A gate that is closed is opened again within a second, and one too open hands packets past the node's stack.
    void look_at_gates() {
        constexpr uint32_t kInOnePiece = 256;
        for (const uint32_t end = next_gate_ + kInOnePiece; next_gate_ < end; ++next_gate_) {
            const uint32_t wanted = engine_.gate(next_gate_);
            const uint32_t found = view_.gate(next_gate_);
            found_.check("redirectGates").checked += wanted != CATFLAP_REDIRECT_NOTHING ? 1 : 0;
            if (found == wanted || found == CATFLAP_REDIRECT_NOTHING)
                continue;
            if (order_.mends)
                engine_.datapath().store().set_redirect_gate(next_gate_, engine_.gate(next_gate_));
            found_.add({"redirectGates", fmt::format("slot {}", next_gate_), fmt::format("{}", wanted),
                        fmt::format("{}", found), done_text(order_.mends, "")},
                       order_.mends);
        }
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
    uint32_t next_gate_ = 0;
};

}  // namespace

std::unique_ptr<Comparison> EbpfEngine::compare(const ComparisonOrder& order, bool /*asked*/) {
    return std::make_unique<EbpfComparison>(*this, order);
}

}  // namespace catflap::engine
