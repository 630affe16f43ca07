// SPDX-License-Identifier: Apache-2.0
#include "report/conditions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

using namespace catflap::report;

namespace {

Facts well() {
    Facts facts;
    facts.guard_wanted = true;
    facts.guard_on = true;
    return facts;
}

struct Case {
    std::function<void(Facts&)> set;
    Severity severity;
    std::string sentence;
};

// One of each row of the table.
const std::map<std::string, Case> kCases = {
    {"starting",
     {[](Facts& f) { f.starting = "no Pod of this node"; }, Severity::fail,
      "the agent is starting, and nothing that it read is in force yet: no Pod of this node"}},
    {"source-stale",
     {[](Facts& f) { f.source_error = "read /m: gone"; }, Severity::fail,
      "the source cannot be read, what it held last is enforced: read /m: gone"}},
    {"commit-refused",
     {[](Facts& f) { f.commit_error = "too many rules"; }, Severity::fail,
      "what the source holds is not in force, an earlier state is: too many rules"}},
    {"refused",
     {[](Facts& f) {
          f.refused = {{"p.yaml:3: NetworkPolicy a/b: no", Outcome::last_good}};
      },
      Severity::fail, "refused: p.yaml:3: NetworkPolicy a/b: no (its last good version is in force)"}},
    {"over-limit",
     {[](Facts& f) { f.over_limit = {"NetworkPolicy a/b: 70000 rules"}; }, Severity::fail,
      "over a limit of this node: NetworkPolicy a/b: 70000 rules"}},
    {"cache-damaged",
     {[](Facts& f) { f.cache_error = "its checksum is wrong"; }, Severity::fail,
      "the cache of last good versions is damaged, refused objects may have none after a restart: its checksum is "
      "wrong"}},
    {"audit-mode",
     {[](Facts& f) { f.audit = true; }, Severity::fail,
      "audit mode: packets are judged and counted, and nothing is dropped"}},
    {"unjudged",
     {[](Facts& f) { f.unjudged = {"cali1"}; }, Severity::fail,
      "open, neither judged nor closed by the guard: interface cali1"}},
    {"not-attached",
     {[](Facts& f) {
          f.not_attached = {{"cali1", "no space"}};
      },
      Severity::fail, "not attached to interface cali1: no space"}},
    {"guard",
     {[](Facts& f) { f.guard_on = false; }, Severity::fail,
      "new interfaces are open until they are attached: the guard is off (--guard off)"}},
    {"pins-missing",
     {[](Facts& f) { f.missing_pins = {"/sys/fs/bpf/catflap/links/3-to_pod"}; }, Severity::fail,
      "missing, and needed at the agent's next start: /sys/fs/bpf/catflap/links/3-to_pod"}},
    {"other-engine",
     {[](Facts& f) {
          f.other_engines = {{"/sys/fs/bpf/other", "programs on 3 interfaces"}};
      },
      Severity::fail, "something else judges this node's packets too: /sys/fs/bpf/other: programs on 3 interfaces"}},
    {"unenforced",
     {[](Facts& f) {
          f.unenforced = {{"a/p", "", "it has no veth", {"a/x", "a/y"}}};
      },
      Severity::fail, "pod a/p is selected by a/x, a/y and is not enforced: it has no veth"}},
    {"unknown-endpoint",
     {[](Facts& f) { f.unknown = {"cali9"}; }, Severity::fail,
      "everything is dropped, no pod of the source is known for it: interface cali9"}},
    {"metrics",
     {[](Facts& f) { f.metrics_error = "listen on 192.0.2.1:9473 for metrics: Cannot assign requested address"; },
      Severity::warn, "metrics are not served: listen on 192.0.2.1:9473 for metrics: Cannot assign requested address"}},
    {"conntrack",
     {[](Facts& f) { f.tracking_error = "no nf_tables"; }, Severity::warn,
      "nf_conntrack may not be following connections: no nf_tables"}},
    {"mended",
     {[](Facts& f) { f.recent_mends = {"programs of cali1"}; }, Severity::warn,
      "was broken and has been mended: programs of cali1"}},
    {"verify",
     {[](Facts& f) { f.verify_error = "prefixes could not be compared: EPERM"; }, Severity::warn,
      "what is loaded may not be what is to be: prefixes could not be compared: EPERM"}},
    {"no-interfaces",
     {[](Facts& f) { f.no_interfaces = true; }, Severity::warn,
      "there is no cali* interface in this network namespace: nothing is enforced until one appears"}},
    {"other-mode",
     {[](Facts& f) { f.other_mode = {"ClusterNetworkPolicy a: iptables mode has no chains"}; }, Severity::fail,
      "not enforced: ClusterNetworkPolicy a: iptables mode has no chains"}},
    {"equal-priority",
     {[](Facts& f) { f.ties = {"ClusterNetworkPolicy a has the priority of ClusterNetworkPolicy b"}; }, Severity::warn,
      "ClusterNetworkPolicy a has the priority of ClusterNetworkPolicy b"}},
    {"out-of-reach",
     {[](Facts& f) {
          f.out_of_reach = {{"a/p", "virtual-node-1", "a virtual node has no veths", {"a/x"}}};
          f.out_of_reach_count = 1;
      },
      Severity::warn,
      "pod a/p is selected by a/x and is not enforced on node virtual-node-1: a virtual node has no veths"}},
};

}  // namespace

TEST_CASE("nothing is found where all is well; no guard is missed where the mode has none") {
    CHECK(findings(well()).empty());
    CHECK(findings(Facts{}).empty());
}

TEST_CASE("each condition is found alone, with its sentence, and says what to do") {
    std::set<std::string> ids;
    for (const Condition& condition : conditions()) {
        CAPTURE(condition.id);
        CHECK(ids.insert(condition.id).second);
        const auto known = kCases.find(condition.id);
        REQUIRE_MESSAGE(known != kCases.end(), "a condition without a case here");
        Facts facts = well();
        known->second.set(facts);
        const auto found = findings(facts);
        REQUIRE(found.size() == 1);
        CHECK(found[0].condition->id == condition.id);
        CHECK(found[0].sentence == known->second.sentence);
        CHECK(condition.severity == known->second.severity);
        CHECK(std::string(condition.remedy).size() > 10);
        const auto data = to_json(found);
        CHECK(data[0]["id"] == condition.id);
        CHECK(data[0]["severity"] == to_string(known->second.severity));
        CHECK(data[0]["sentence"] == known->second.sentence);
        CHECK(data[0]["remedy"] == condition.remedy);
    }
    CHECK(ids.size() == kCases.size());
}

TEST_CASE("what is in force of a refused object is said as it is") {
    for (const auto& [outcome, words] :
         {std::pair{Outcome::last_good, "(its last good version is in force)"},
          {Outcome::isolated, "(it never had a good version: the pods that it selects are isolated without rules)"},
          {Outcome::nothing, "(it never had a good version: nothing of it is enforced)"}}) {
        Facts facts = well();
        facts.refused = {{"x", outcome}};
        CHECK(findings(facts).at(0).sentence == std::string("refused: x ") + words);
    }
}

TEST_CASE("of a file as a whole only its message says what stays in force") {
    Facts facts = well();
    facts.refused = {{"a.yaml: is empty; what it held stays in force", std::nullopt}};
    CHECK(findings(facts).at(0).sentence == "refused: a.yaml: is empty; what it held stays in force");
}

TEST_CASE("of very many only the first are named, and how many more there are") {
    Facts facts = well();
    for (int i = 0; i < 1000; ++i)
        facts.unknown.push_back("cali" + std::to_string(i));
    const auto found = findings(facts);
    REQUIRE(found.size() == kMaxFindings + 1);
    CHECK(found.back().sentence == "unknown-endpoint: and 980 more like these");
    CHECK(found.back().condition->severity == Severity::fail);
}

TEST_CASE("a guard that is on and in trouble is told, and so is one that could not be made") {
    Facts facts = well();
    facts.guard_error = "no nftables";
    CHECK(findings(facts).at(0).sentence == "new interfaces may be open until they are attached: no nftables");
    facts.guard_on = false;
    CHECK(findings(facts).at(0).sentence == "new interfaces are open until they are attached: no nftables");
}

TEST_CASE("the ids of what fails, each once; what only warns is none of them") {
    Facts facts = well();
    facts.no_interfaces = true;
    CHECK(failing_ids(findings(facts)).empty());
    facts.source_error = "gone";
    facts.not_attached = {{"cali1", "no such device"}, {"cali2", "no such device"}};
    CHECK(failing_ids(findings(facts)) == "source-stale,not-attached");
}
