// SPDX-License-Identifier: Apache-2.0
#include "report/conditions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace catflap::report {
namespace {

using Sentences = std::vector<std::string>;

Sentences one_if(bool holds, const std::string& sentence) {
    return holds ? Sentences{sentence} : Sentences{};
}

// "interface cali1: no such device", "interface cali1".
Sentences each(const std::vector<Trouble>& troubles, std::string_view before) {
    Sentences sentences;
    for (const Trouble& trouble : troubles)
        sentences.push_back(trouble.what.empty() ? fmt::format("{}{}", before, trouble.where)
                                                 : fmt::format("{}{}: {}", before, trouble.where, trouble.what));
    return sentences;
}

Sentences each(const std::vector<std::string>& things, std::string_view before) {
    Sentences sentences;
    for (const std::string& thing : things)
        sentences.push_back(fmt::format("{}{}", before, thing));
    return sentences;
}

Sentences each(const std::vector<UnenforcedPod>& pods) {
    Sentences sentences;
    for (const UnenforcedPod& pod : pods)
        sentences.push_back(fmt::format("pod {} is selected by {} and is not enforced{}: {}", pod.pod,
                                        fmt::join(pod.policies, ", "), pod.node.empty() ? "" : " on node " + pod.node,
                                        pod.reason));
    return sentences;
}

Sentences starting(const Facts& facts) {
    return one_if(!facts.starting.empty(),
                  "the agent is starting, and nothing that it read is in force yet: " + facts.starting);
}

Sentences source_stale(const Facts& facts) {
    return one_if(!facts.source_error.empty(),
                  "the source cannot be read, what it held last is enforced: " + facts.source_error);
}

Sentences refused_objects(const Facts& facts) {
    Sentences sentences;
    for (const RefusedObject& refused : facts.refused)
        sentences.push_back(refused.outcome
                                ? fmt::format("refused: {} ({})", refused.what, sentence_of(*refused.outcome))
                                : "refused: " + refused.what);
    return sentences;
}

Sentences commit_refused(const Facts& facts) {
    return one_if(!facts.commit_error.empty(),
                  "what the source holds is not in force, an earlier state is: " + facts.commit_error);
}

Sentences over_limit(const Facts& facts) {
    return each(facts.over_limit, "over a limit of this node: ");
}

Sentences cache_damaged(const Facts& facts) {
    return one_if(!facts.cache_error.empty(),
                  "the cache of last good versions is damaged, refused objects may have none after a restart: " +
                      facts.cache_error);
}

Sentences not_attached(const Facts& facts) {
    return each(facts.not_attached, "not attached to interface ");
}

Sentences unjudged(const Facts& facts) {
    return each(facts.unjudged, "open, neither judged nor closed by the guard: interface ");
}

Sentences unknown_pods(const Facts& facts) {
    return each(facts.unknown, "everything is dropped, no pod of the source is known for it: interface ");
}

Sentences unenforced_pods(const Facts& facts) {
    return each(facts.unenforced);
}

Sentences guard_missing(const Facts& facts) {
    if (!facts.guard_wanted || facts.guard_on)
        return one_if(facts.guard_wanted && !facts.guard_error.empty(),
                      "new interfaces may be open until they are attached: " + facts.guard_error);
    return {"new interfaces are open until they are attached: " +
            (facts.guard_error.empty() ? "the guard is off (--guard off)" : facts.guard_error)};
}

Sentences tracking_missing(const Facts& facts) {
    return one_if(!facts.tracking_error.empty(),
                  "nf_conntrack may not be following connections: " + facts.tracking_error);
}

Sentences metrics_missing(const Facts& facts) {
    return one_if(!facts.metrics_error.empty(), "metrics are not served: " + facts.metrics_error);
}

Sentences pins_missing(const Facts& facts) {
    return each(facts.missing_pins, "missing, and needed at the agent's next start: ");
}

Sentences other_engine(const Facts& facts) {
    return each(facts.other_engines, "something else judges this node's packets too: ");
}

Sentences other_mode(const Facts& facts) {
    return each(facts.other_mode, "not enforced: ");
}

Sentences equal_priorities(const Facts& facts) {
    return each(facts.ties, "");
}

Sentences audit_mode(const Facts& facts) {
    return one_if(facts.audit, "audit mode: packets are judged and counted, and nothing is dropped");
}

Sentences mended(const Facts& facts) {
    return each(facts.recent_mends, "was broken and has been mended: ");
}

Sentences not_verified(const Facts& facts) {
    return one_if(!facts.verify_error.empty(), "what is loaded may not be what is to be: " + facts.verify_error);
}

Sentences no_interfaces(const Facts& facts) {
    return one_if(
        facts.no_interfaces,
        fmt::format("there is no {} interface in this network namespace: nothing is enforced until one appears",
                    facts.interfaces));
}

Sentences out_of_reach(const Facts& facts) {
    Sentences sentences = each(facts.out_of_reach);
    if (facts.out_of_reach_count > sentences.size() && sentences.size() < kMaxFindings)
        sentences.push_back(fmt::format("and {} more such pods", facts.out_of_reach_count - sentences.size()));
    return sentences;
}

constexpr std::array kConditions = {
    Condition{"starting", Severity::fail, "wait; if it stays so, mend what it names", starting},
    Condition{"source-stale", Severity::fail, "make the source readable again; the agent notices by itself",
              source_stale},
    Condition{"commit-refused", Severity::fail, "see the reason; the agent tries again every second", commit_refused},
    Condition{"refused", Severity::fail, "mend the manifest; catflap check FILE says the same without an agent",
              refused_objects},
    Condition{"over-limit", Severity::fail, "make the object smaller, or spread its pods over more nodes", over_limit},
    Condition{"other-mode", Severity::fail, "start catflapd with --mode ebpf, or remove the object", other_mode},
    Condition{"cache-damaged", Severity::fail, "mend what is refused, then restart catflapd", cache_damaged},
    Condition{"audit-mode", Severity::fail, "start catflapd with --mode ebpf to enforce", audit_mode},
    Condition{"unjudged", Severity::fail, "look into the agent's log for why it could not be closed", unjudged},
    Condition{"not-attached", Severity::fail, "see the reason; the agent tries again every second", not_attached},
    Condition{"guard", Severity::fail, "start catflapd without --guard off, on a kernel with nftables or 6.4",
              guard_missing},
    Condition{"pins-missing", Severity::fail, "find out who removes them; restart catflapd if they do not come back",
              pins_missing},
    Condition{"other-engine", Severity::fail, "stop the other agent and run its catflapd --remove", other_engine},
    Condition{"unenforced", Severity::fail, "see the reason; a pod that is starting is enforced as soon as it is up",
              unenforced_pods},
    Condition{"unknown-endpoint", Severity::fail, "bring the pod's manifest into the source: catflap get endpoints",
              unknown_pods},
    Condition{"conntrack", Severity::warn, "let the kernel have nf_tables, or another rule that uses conntrack",
              tracking_missing},
    Condition{"metrics", Severity::warn, "give --metrics an address of this node and a free port, or off",
              metrics_missing},
    Condition{"mended", Severity::warn, "find out who breaks it: see the agent's log", mended},
    Condition{"verify", Severity::warn, "see catflap verify; restart catflapd if it does not mend it", not_verified},
    Condition{"no-interfaces", Severity::warn, "run catflapd in the network namespace of the node", no_interfaces},
    Condition{"out-of-reach", Severity::warn, "run the pod on a node with an agent, or do without the policy there",
              out_of_reach},
    Condition{"equal-priority", Severity::warn, "give the policies different priorities", equal_priorities},
};

}  // namespace

const char* to_string(Outcome outcome) {
    return outcome == Outcome::last_good ? "lastGood" : outcome == Outcome::isolated ? "isolated" : "nothing";
}

const char* sentence_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::last_good:
            return "its last good version is in force";
        case Outcome::isolated:
            return "it never had a good version: the pods that it selects are isolated without rules";
        case Outcome::nothing:
            break;
    }
    return "it never had a good version: nothing of it is enforced";
}

const char* to_string(Severity severity) {
    return severity == Severity::fail ? "fail" : "warn";
}

std::span<const Condition> conditions() {
    return kConditions;
}

std::vector<Finding> findings(const Facts& facts) {
    std::vector<Finding> result;
    for (const Condition& condition : kConditions) {
        const auto sentences = condition.sentences(facts);
        const size_t shown = std::min(sentences.size(), kMaxFindings);
        for (size_t i = 0; i < shown; ++i)
            result.push_back({&condition, sentences[i]});
        if (sentences.size() > shown)
            result.push_back(
                {&condition, fmt::format("{}: and {} more like these", condition.id, sentences.size() - shown)});
    }
    return result;
}

std::string failing_ids(const std::vector<Finding>& findings) {
    std::string ids;
    const Condition* last = nullptr;
    for (const Finding& finding : findings)
        if (finding.condition->severity == Severity::fail &&
            std::exchange(last, finding.condition) != finding.condition)
            ids += (ids.empty() ? "" : ",") + std::string(finding.condition->id);
    return ids;
}

nlohmann::json to_json(const std::vector<Finding>& findings) {
    nlohmann::json result = nlohmann::json::array();
    for (const Finding& finding : findings)
        result.push_back({{"id", finding.condition->id},
                          {"severity", to_string(finding.condition->severity)},
                          {"sentence", finding.sentence},
                          {"remedy", finding.condition->remedy}});
    return result;
}

}  // namespace catflap::report
