// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "unit/cli/fake_agent.h"

using namespace catflap::cli::test;
using nlohmann::json;

namespace {

const json kDiagnostic = {{"file", "policy.yaml"},
                          {"line", 12},
                          {"object", "NetworkPolicy b/x"},
                          {"field", "spec.policyTypes[0]"},
                          {"message", "Inbound is neither"}};
constexpr auto kDiagnosticLine = "policy.yaml:12: NetworkPolicy b/x: spec.policyTypes[0]: Inbound is neither\n";

size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("status: a page, and the object as it came") {
    const json status = {
        {"version", "0.1.0"},
        {"pid", 812},
        {"node", "aks-0"},
        {"mode", "ebpf"},
        {"source",
         {{"kind", "directory"}, {"path", "/m"}, {"state", "stale"}, {"error", "read /m: Permission denied"}}},
        {"refused", {kDiagnostic}},
        {"warnings", json::array()},
        {"unenforced",
         {{{"namespace", "b"}, {"pod", "a"}, {"reason", "its node uses a bridge"}, {"policies", {"b/x", "b/y"}}}}},
        {"maps", {{{"name", "flows"}, {"type", "lru_hash"}, {"entries", 5}, {"maxEntries", 10}}}}};
    const Run page = run_against({{"ok", true}, {"status", status}}, {"status"});
    CHECK(page.exit_code == 0);
    CHECK(has(page.out, "agent        catflapd 0.1.0 on node aks-0, pid 812, since -\n"));
    CHECK(has(page.out, "source       directory /m: stale\n             read /m: Permission denied\n"));
    CHECK(has(page.out, "\nrefused (1)\n" + std::string(kDiagnosticLine)));
    CHECK_FALSE(has(page.out, "warnings"));
    CHECK_FALSE(has(page.out, "audit"));
    CHECK(has(page.out, "b/a: its node uses a bridge; selected by b/x, b/y\n"));
    CHECK(has(page.out, "50.0%"));
    CHECK(json::parse(run_against({{"ok", true}, {"status", status}}, {"status", "-o", "json"}).out) == status);
    CHECK(run_against({{"ok", true}}, {"status"}).exit_code == 0);
    const Run strange =
        run_against({{"ok", true}, {"status", {{"refused", 7}, {"maps", "x"}, {"source", 1}}}}, {"status"});
    CHECK(strange.exit_code == 1);
    CHECK(lines(strange.err) == 1);
}

TEST_CASE("status: the fast path, how many pods take it, and why no more of them") {
    const auto line_of = [](const char* state, const char* reason, int pods, int of) {
        const json status = {{"fastPath", {{"state", state}, {"reason", reason}, {"pods", pods}, {"podsOfNode", of}}}};
        return run_against({{"ok", true}, {"status", status}}, {"status"}).out;
    };
    CHECK(has(line_of("on", "", 12, 14), "\nfast path    on for 12 of 14 pods (TCP and UDP)\n"));
    CHECK(has(line_of("udp", "it is strict", 1, 1), "\nfast path    UDP only, for 1 of 1 pod: it is strict\n"));
    CHECK(has(line_of("off", "rules of others", 0, 3), "\nfast path    off: rules of others\n"));
    CHECK_FALSE(has(run_against({{"ok", true}, {"status", {{"pid", 1}}}}, {"status"}).out, "fast path"));
}

TEST_CASE("status: early drop, and why not on an uplink") {
    const auto line_of = [](const std::string& state, const std::string& reason, const json& uplinks) {
        const json status = {
            {"earlyDrop", {{"state", state}, {"reason", reason}, {"hook", "tc"}, {"uplinks", uplinks}}}};
        return run_against({{"ok", true}, {"status", status}}, {"status"}).out;
    };
    const json uplinks = {{{"name", "eth0"}, {"refusal", ""}}, {{"name", "eth1"}, {"refusal", "busy"}}};
    CHECK(has(line_of("partly", "eth1: busy", uplinks), "\nearly drop   on for eth0 (tc); not for eth1: busy\n"));
    CHECK(has(line_of("off", "--early-drop off", json::array()), "\nearly drop   off: --early-drop off\n"));
    CHECK_FALSE(has(run_against({{"ok", true}, {"status", {{"pid", 1}}}}, {"status"}).out, "early drop"));
}

TEST_CASE("status --check: silent where all is in order, a line for each thing that is not, 1 where one fails") {
    const json warning = {{"id", "mended"}, {"severity", "warn"}, {"sentence", "was mended"}, {"remedy", "look"}};
    const json failure = {{"id", "guard"}, {"severity", "fail"}, {"sentence", "no guard"}, {"remedy", "make one"}};
    json status = {{"mode", "ebpf"}, {"conditions", json::array()}};
    const auto check = [&](const std::string& format = "table") {
        return run_against({{"ok", true}, {"status", status}}, {"status", "--check", "-o", format});
    };
    CHECK(check().exit_code == 0);
    CHECK(check().out.empty());
    status["conditions"] = json::array({warning});
    CHECK(check().exit_code == 0);
    CHECK(check().out == "warning: was mended; look\n");
    status["conditions"] = json::array({failure, warning});
    CHECK(check().exit_code == 1);
    CHECK(check().out == "no guard; make one\nwarning: was mended; look\n");
    const json data = json::parse(check("json").out);
    CHECK(data["problems"] == json::array({"no guard; make one"}));
    CHECK(data["conditions"] == status["conditions"]);
    CHECK(has(run_against({{"ok", true}, {"status", status}}, {"status"}).out,
              "not in order\nno guard; make one\nwas mended; look\n"));
    // An agent that does not say what is in order is not one that is in order.
    status.erase("conditions");
    CHECK(check().exit_code == 1);
    CHECK(lines(check().err) == 1);
}

TEST_CASE(
    "status: pods out of reach, refused objects with what is in force of them, lists that are longer than shown") {
    json refused = kDiagnostic;
    refused["outcome"] = "nothing";
    const json status = {{"refused", {refused}},
                         {"warnings", {{{"object", "Service shop/web"}, {"message", "port 80/TCP: mixed"}}}},
                         {"outOfReach",
                          {{{"namespace", "ingress"},
                            {"pod", "web"},
                            {"node", "virtual-node-1"},
                            {"reason", "a virtual node has no veths"},
                            {"policies", {"ingress/all"}}}}},
                         {"counts", {{"outOfReach", 700}, {"policies", 1}, {"sets", 1}, {"endpoints", 18}}}};
    const Run page = run_against({{"ok", true}, {"status", status}}, {"status"});
    CHECK(has(page.out, "holds        18 endpoints, 1 policy, 1 set (catflap get sets)\n"));
    CHECK(has(page.out,
              "selected by a policy, and out of reach of any agent (the first 1 of 700)\n"
              "ingress/web on virtual-node-1: a virtual node has no veths; selected by ingress/all\n"));
    CHECK(has(page.out, "warnings (1)\nService shop/web: port 80/TCP: mixed\n"));
    CHECK(has(page.out, "Inbound is neither (it never had a good version: nothing of it is enforced)\n"));
}
