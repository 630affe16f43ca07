// SPDX-License-Identifier: Apache-2.0
#include "iptables/apply/delta.h"

#include "iptables/apply/saved.h"
#include "unit/iptables/support.h"

using namespace catflap;
using namespace catflap::iptables;
using namespace catflap::iptables::test;

namespace {

State state_of(const Cluster& cluster) {
    return render(cluster, {{"cali1", ObjectName{"a", "web"}}, {"calid2", ObjectName{"a", "db"}}});
}

Cluster with_policy(std::vector<PolicyRule> rules) {
    Cluster cluster = small_cluster();
    cluster.policies[{"a", "p"}] = ingress_policy(std::move(rules));
    Policy other = ingress_policy({{{peer("web")}, {}}});
    other.name.name = "other";
    other.pods = app("db");
    cluster.policies[other.name] = other;
    return cluster;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

size_t count(const std::string& text, const std::string& part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

// As iptables-save would print it, with somebody else's chains and rules.
std::string saved(const Rules& rules) {
    const std::string other_table =
        "\n:PREROUTING ACCEPT [0:0]\n:cali-PREROUTING - [0:0]\n:cali-FORWARD - [0:0]\n"
        "-A PREROUTING -j cali-PREROUTING\n-A cali-FORWARD -j ACCEPT\nCOMMIT\n";
    std::string text =
        "# Generated\n*nat" + other_table + "*filter\n:INPUT ACCEPT [1:2]\n:FORWARD ACCEPT [0:0]\n:KUBE-X - [0:0]\n";
    for (const auto& [name, chain] : rules.chains)
        text += ":" + name + " - [0:0]\n";
    for (const Chain& hook : rules.hooks)
        text += append_line(hook, hook.rules.front()) + "\n";
    text += "-A FORWARD -m comment --comment \"kubernetes\" -j KUBE-X\n";
    for (const auto& [name, chain] : rules.chains)
        for (const HashedRule& rule : chain.rules)
            text += append_line(chain, rule) + "\n";
    return text + "COMMIT\n*raw" + other_table;
}

}  // namespace

TEST_CASE("onto nothing: sets first, then chains, jumps to them last; what is loaded then needs no change") {
    const State state = state_of(with_policy({{{peer("db")}, {}}}));
    const Plan plan = make_plan({}, state);
    CHECK(has(plan.sets_before, " hash:net family inet maxelem 1048576\n"));
    CHECK(has(plan.sets_before, " hash:net family inet6 maxelem 1048576\n"));
    for (const std::string& rules : plan.rules) {
        CHECK(rules.starts_with("*filter\n:cali-"));
        CHECK(rules.ends_with("COMMIT\n"));
        CHECK(count(rules, "\n-I ") == 3);
        CHECK(rules.rfind("\n-A ") < rules.find("\n-I "));
        CHECK(rules.rfind("\n:cali-") < rules.find("\n-A "));
        CHECK_FALSE(has(rules, "\n-X "));
    }
    CHECK(plan.stale_sets.empty());

    const Plan none = make_plan(loaded_after(state), state);
    CHECK(none.sets_before.empty());
    CHECK(none.rules[0].empty());
    CHECK(none.rules[1].empty());
    CHECK(none.chains_written == 0);
}

TEST_CASE("a policy's change touches its chain and its sets, in both families, and nothing else") {
    const State before = state_of(with_policy({{{peer("db")}, {}}}));
    const State after = state_of(with_policy({{{peer("db")}, {number(80)}}}));
    const Plan plan = make_plan(loaded_after(before), after);
    CHECK(plan.chains_written == 2);
    CHECK(plan.endpoint_chains_written == 0);
    CHECK(plan.sets_before.empty());
    CHECK(plan.stale_sets.empty());
    for (const std::string& rules : plan.rules) {
        CHECK(rules.starts_with("*filter\n:cali-pi-a/p - [0:0]\n-A cali-pi-a/p "));
        CHECK(count(rules, "\n-") == 2);
    }
}

TEST_CASE("another peer: the new set before, the old one after") {
    const State before = state_of(with_policy({{{peer("db")}, {}}}));
    const State after = state_of(with_policy({{{peer("nobody")}, {}}}));
    const Plan plan = make_plan(loaded_after(before), after);
    CHECK(count(plan.sets_before, "create ") == 2);
    CHECK(plan.stale_sets.size() == 2);
    CHECK_FALSE(has(plan.sets_before, plan.stale_sets.front()));
}

TEST_CASE("a policy that goes: its chain is emptied, and deleted behind everything that jumped to it") {
    Cluster cluster = with_policy({{{peer("db")}, {}}});
    const State before = state_of(cluster);
    cluster.policies.erase({"a", "p"});
    const Plan plan = make_plan(loaded_after(before), state_of(cluster));
    for (const std::string& rules : plan.rules) {
        CHECK(has(rules, "\n:cali-pi-a/p - [0:0]\n"));
        CHECK(rules.ends_with("\n-X cali-pi-a/p\nCOMMIT\n"));
        CHECK(has(rules, "\n:cali-tw-cali1 - [0:0]\n"));
        CHECK_FALSE(has(rules, "cali-tw-calid2"));
        CHECK_FALSE(has(rules, "cali-fw-"));
    }
    CHECK(plan.endpoint_chains_written == 2);
}

TEST_CASE("a pod that comes to a large set is one member added; one that replaces all of them is a swap") {
    Cluster cluster = with_policy({{{PolicyPeer{Selector{}, {}, {}}}, {}}});
    const auto add_pods = [&](const char* name, int first, int last) {
        for (int i = first; i < last; ++i) {
            Pod pod;
            pod.name = {"a", fmt::format("{}-{}", name, i)};
            pod.addresses = {parse_address(fmt::format("10.1.{}.{}", i / 256, i % 256)).value()};
            cluster.pods[pod.name] = pod;
        }
    };
    add_pods("x", 0, 300);
    const State before = state_of(cluster);
    const Loaded loaded = loaded_after(before);

    add_pods("x", 300, 301);
    const Plan one = make_plan(loaded, state_of(cluster));
    CHECK(count(one.sets_before, "\n") == 1);
    CHECK(one.sets_before.starts_with("add cali40s:"));
    CHECK(one.sets_before.ends_with(" 10.1.1.44\n"));
    CHECK(one.members_written == 1);
    CHECK(one.rules[0].empty());

    std::erase_if(cluster.pods, [](const auto& entry) { return entry.first.name.starts_with("x-"); });
    add_pods("y", 1000, 1010);
    const Plan swapped = make_plan(loaded, state_of(cluster));
    CHECK(swapped.sets_before.starts_with("create cali4t0 hash:net"));
    CHECK(has(swapped.sets_before, "\nswap cali4t0 cali40s:"));
    CHECK(swapped.sets_before.ends_with("\ndestroy cali4t0\n"));
    CHECK(count(swapped.sets_before, "\nadd cali4t0 ") == 12);

    Loaded with_rest = loaded;  // of an agent that was killed in the middle
    with_rest.sets["cali4t0"] = {};
    const Plan again = make_plan(with_rest, state_of(cluster));
    CHECK(again.sets_before.starts_with("create cali4t1 hash:net"));
    CHECK(again.stale_sets == std::vector<std::string>{"cali4t0"});
}

TEST_CASE("what iptables-save prints of our own state needs no change; somebody else's rules are not ours") {
    const State state = state_of(with_policy({{{peer("db")}, {named("http")}}}));
    Loaded loaded;
    for (size_t family = 0; family < 2; ++family)
        loaded.families[family] = parse_rules(saved(state.families[family]));
    const Plan plan = make_plan(loaded, state);
    CHECK(plan.rules[0].empty());
    CHECK(plan.rules[1].empty());
    CHECK_FALSE(loaded.families[0].chains.contains("KUBE-X"));
    CHECK_FALSE(loaded.families[0].chains.contains("cali-PREROUTING"));
    CHECK_FALSE(loaded.families[0].hooks.contains("PREROUTING"));
    CHECK(parse_counts("*raw\n[1:2] -A cali-FORWARD -j ACCEPT\nCOMMIT\n").empty());
    CHECK(parse_counts("*filter\n[1:2] -A cali-FORWARD -j ACCEPT\nCOMMIT\n").size() == 1);
    CHECK(has_our_names("*raw\n:PREROUTING ACCEPT [0:0]\n:cali-x - [0:0]\nCOMMIT\n"));
    CHECK_FALSE(has_our_names("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i cali+ -j ACCEPT\nCOMMIT\n"));

    const Plan removal = make_plan(loaded, State{});
    CHECK(count(removal.rules[0], "\n-D ") == 3);
    CHECK(count(removal.rules[0], "\n-X cali-") == state.families[0].chains.size());
    CHECK_FALSE(has(removal.rules[0], "KUBE"));
    CHECK(removal.rules[0].rfind("\n-D ") < removal.rules[0].find("\n-X "));
}

TEST_CASE("a chain that somebody changed is written again; a jump that is not the first comes to the top") {
    const State state = state_of(with_policy({}));
    std::string text = saved(state.families[0]);
    text.insert(text.rfind("-A cali-FORWARD -", text.find("*raw")), "-A cali-FORWARD -s 10.9.9.9/32 -j ACCEPT\n");
    const std::string foreign = "-A FORWARD -j ACCEPT\n";
    text.insert(text.find("-A FORWARD"), foreign);
    Loaded loaded = loaded_after(state);
    loaded.families[0] = parse_rules(text);
    const Plan plan = make_plan(loaded, state);
    CHECK(plan.chains_written == 1);
    CHECK(has(plan.rules[0], "\n:cali-FORWARD - [0:0]\n"));
    CHECK(count(plan.rules[0], "\n-D FORWARD -m comment") == 1);
    CHECK(count(plan.rules[0], "\n-I FORWARD -m comment") == 1);
    CHECK_FALSE(has(plan.rules[0], "INPUT"));
    CHECK(plan.rules[1].empty());
}

TEST_CASE("what ipset save prints is what was written") {
    const State state = state_of(with_policy({{{peer("web")}, {named("http")}}}));
    std::string text = "create KUBE-SET hash:ip family inet\nadd KUBE-SET 10.0.0.9\n";
    for (const auto& [name, set] : state.sets) {
        text += fmt::format("create {} {} bucketsize 12 initval 0x1\n", name, type_words(set.kind, set.family));
        for (const SetMember& member : set.members)
            text += fmt::format("add {} {}\n", name, to_string(member, set.kind));
    }
    Loaded loaded = loaded_after(state);
    loaded.sets = parse_sets(text);
    CHECK(loaded.sets.size() == state.sets.size());
    CHECK(make_plan(loaded, state).sets_before.empty());
    CHECK(make_plan(loaded, state).stale_sets.empty());
}

TEST_CASE("counters are read by chain and place") {
    const auto counts = parse_counts(
        "*filter\n:cali-a - [0:0]\n[3:180] -A cali-a -j ACCEPT\n[7:9] -A FORWARD -j cali-a\n[18446744073709551615:1] -A "
        "cali-a -j DROP\nCOMMIT\n");
    REQUIRE(counts.size() == 1);
    REQUIRE(counts.at("cali-a").size() == 2);
    CHECK(counts.at("cali-a")[0].packets == 3);
    CHECK(counts.at("cali-a")[0].bytes == 180);
    CHECK(counts.at("cali-a")[1].packets == UINT64_MAX);
}

TEST_CASE("whether the chains in force ask for interfaces of a prefix, in both directions") {
    const std::string from = "-A cali-FORWARD -i cali+ -m comment --comment \"cali:x\" -j cali-from-wl-dispatch\n";
    const std::string to = "-A cali-FORWARD -o cali+ -m comment --comment \"cali:y\" -j cali-to-wl-dispatch\n";
    const auto filter = [](const std::string& rules) {
        return "*filter\n:cali-FORWARD - [0:0]\n" + rules + "COMMIT\n";
    };
    CHECK(asks_for(filter(from + to), "cali"));
    for (const char* other : {"eni", "cal", "cali1"})
        CHECK_FALSE(asks_for(filter(from + to), other));
    CHECK_FALSE(asks_for(filter(from), "cali"));
    CHECK_FALSE(asks_for(filter(to), "cali"));
    CHECK_FALSE(asks_for("*raw\n" + from + to + "COMMIT\n", "cali"));
    CHECK_FALSE(asks_for("", "cali"));
}
