// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fstream>

#include "unit/cli/fake_agent.h"

using namespace catflap::cli::test;
using nlohmann::json;

namespace {

const json kPod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"b"}})"_json;
const json kPolicy = R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",
    "metadata":{"name":"x","namespace":"b"},
    "spec":{"podSelector":{},"ingress":[{"ports":[{"port":70000}]}]}})"_json;
const json kDiagnostic = {{"file", "policy.yaml"},
                          {"line", 12},
                          {"object", "NetworkPolicy b/x"},
                          {"field", "spec.policyTypes[0]"},
                          {"message", "Inbound is neither"}};

size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("wrong usage is exit 2 and one line on stderr") {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{},
                                               {"frob"},
                                               {"get"},
                                               {"get", "pods"},
                                               {"get", "sets", "-o", "xml"},
                                               {"status", "extra"},
                                               {"settle", "--timeout", "soon"},
                                               {"status", "--timeout", "soon"},
                                               {"get", "flows", "--limit", "-1"},
                                               {"settle", "--timeout", "10h"},
                                               {"settle", "--timeout", "-1s"},
                                               {"check"},
                                               {"explain"},
                                               {"explain", "a/b", "a/c"},
                                               {"explain", "a/b", "a/c", "80/tcp", "more"},
                                               {"explain", "--files", "x.yaml", "a/b", "a/c"},
                                               {"status", "--run-dir"},
                                               {"--frob"}}) {
        const Run run = run_cli(arguments);
        CHECK(run.exit_code == 2);
        CHECK(run.out.empty());
        CHECK(lines(run.err) == 1);
        CHECK(run.err.starts_with("catflap: "));
    }
}

TEST_CASE("--help of every command says what it shows, with an example") {
    CHECK(run_cli({"--help"}).exit_code == 0);
    CHECK(has(run_cli({"--version"}).out, "catflap " CATFLAP_VERSION));
    for (const std::string command : {"status", "settle", "get", "check", "explain", "verify"}) {
        const Run run = run_cli({command, "--help"});
        CHECK(run.exit_code == 0);
        CHECK(has(run.out, "Example:"));
        CHECK(has(run.out, "--run-dir"));
        CHECK(has(run.out, "--output"));
        CHECK(run.err.empty());
    }
}

TEST_CASE("without an agent every command that asks one exits with 3") {
    const Directory dir;
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"status"}, {"settle"}, {"get", "flows"}, {"explain", "a/b", "a/c", "80/tcp"}}) {
        auto arguments = command;
        arguments.insert(arguments.end(), {"--run-dir", dir.path().string()});
        const Run run = run_cli(arguments);
        CHECK(run.exit_code == 3);
        CHECK(run.out.empty());
        CHECK(run.err == "catflap: connect to the agent at " + dir.path().string() +
                             "/control.sock: No such file or directory; is catflapd running?\n");
    }
}

TEST_CASE("get: what it asks, and its four forms") {
    const json items = {{{"reason", "policy"}, {"packets", 416}, {"bytes", 24960}, {"sentence", "no rule admits it"}}};
    {
        const FakeAgent agent(json{{"ok", true}, {"items", items}, {"found", {"a/b", "c"}}});
        const Run run = run_cli({"get", "drops", "a/b", "c", "--run-dir", agent.run_dir()});
        CHECK(run.out == "REASON  PACKETS    BYTES  MEANING\npolicy      416  24.4KiB  no rule admits it\n");
        CHECK(run.exit_code == 0);
        CHECK(agent.request() == json{{"command", "get"}, {"kind", "drops"}, {"names", {"a/b", "c"}}});
    }
    const auto output = [&](const std::string& format) {
        return run_against({{"ok", true}, {"items", items}}, {"get", "drops", "-o", format}).out;
    };
    CHECK(has(output("wide"), "24960"));
    CHECK(json::parse(output("json")) == items);
    CHECK(output("yaml") == "- bytes: 24960\n  packets: 416\n  reason: policy\n  sentence: no rule admits it\n");
}

TEST_CASE("get: nothing there, and refusals") {
    const json empty = {{"ok", true}, {"items", json::array()}};
    const Run none = run_against(empty, {"get", "flows"});
    CHECK(none.exit_code == 0);
    CHECK(none.out.empty());
    CHECK(none.err == "no flows\n");
    CHECK(run_against(empty, {"get", "flows", "-o", "json"}).out == "[]\n");

    const Run refused =
        run_against({{"ok", false}, {"error", "no endpoint b/a\nhere"}, {"exit", 1}}, {"get", "endpoints", "b/a"});
    CHECK(refused.exit_code == 1);
    CHECK(refused.err == "catflap: no endpoint b/a\\x0ahere\n");
}

TEST_CASE("settle: silent when all is enforced, 1 with what was refused") {
    const FakeAgent agent(json{{"ok", true}, {"refused", json::array()}});
    const Run settled = run_cli({"settle", "--timeout", "2m", "--run-dir", agent.run_dir()});
    CHECK(settled.exit_code == 0);
    CHECK(settled.out.empty());
    CHECK(settled.err.empty());
    CHECK(agent.request() == json{{"command", "settle"}});

    json diagnostic = kDiagnostic;
    diagnostic["outcome"] = "lastGood";
    const json answer = {{"ok", true}, {"refused", json::array({diagnostic})}};
    const Run refused = run_against(answer, {"settle"});
    CHECK(refused.exit_code == 1);
    CHECK(has(refused.out, "Inbound is neither (its last good version is in force)\n"));
    CHECK(refused.err == "catflap: settle: 1 object was refused; their last good versions are enforced\n");
    const Run data = run_against(answer, {"settle", "-o", "json"});
    CHECK(data.exit_code == 1);
    CHECK(json::parse(data.out) == json{{"refused", json::array({diagnostic})}});
    // Not of every object: then nobody says so.
    json none = kDiagnostic;
    none["outcome"] = "nothing";
    const Run mixed = run_against({{"ok", true}, {"refused", json::array({diagnostic, none})}}, {"settle"});
    CHECK(mixed.err == "catflap: settle: 2 objects were refused; see above what is in force of each\n");

    const json not_attached = {
        {"file", ""}, {"line", 0}, {"object", "interface cali1"}, {"field", ""}, {"message", "no"}};
    const Run open = run_against({{"ok", true}, {"refused", {not_attached}}}, {"settle"});
    CHECK(open.exit_code == 1);
    CHECK(open.err == "catflap: settle: not everything that the source holds is enforced; see above\n");

    const Run late = run_against({{"ok", false}, {"error", "not settled within 10 s"}}, {"settle"});
    CHECK(late.exit_code == 1);
    CHECK(late.err == "catflap: not settled within 10 s\n");
}

TEST_CASE("settle: the time that it is given is the time that it takes; 0 is none, and not for ever") {
    for (const char* timeout : {"100ms", "0s"}) {
        const FakeAgent busy([](const std::string&) {
            std::this_thread::sleep_for(std::chrono::seconds(1));
            return std::string();
        });
        const auto begin = std::chrono::steady_clock::now();
        const Run late = run_cli({"settle", "--timeout", timeout, "--run-dir", busy.run_dir()});
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(800));
        CHECK(late.exit_code == 1);
        CHECK(has(late.err, "settle: what the source holds is not enforced after"));
    }
}

TEST_CASE("a typo is named, and what may be meant is suggested") {
    CHECK(run_cli({"staus"}).err ==
          "catflap: there is no command \"staus\", did you mean \"status\"?; see catflap --help\n");
    CHECK(run_cli({"frobnicate"}).err == "catflap: there is no command \"frobnicate\"; see catflap --help\n");
    CHECK(has(run_cli({"get", "flow"}).err, "there is no kind \"flow\", did you mean \"flows\"?"));
    CHECK(has(run_cli({"get", "plocies"}).err, "did you mean \"policies\"?"));
    CHECK(has(run_cli({"get", "nothing-like-it"}).err, "there are endpoints, policies, rules"));
}

TEST_CASE("help and version are words, too") {
    for (const std::string command : {"status", "settle", "get", "check", "explain", "verify"})
        CHECK(run_cli({"help", command}).out == run_cli({command, "--help"}).out);
    CHECK(run_cli({"help"}).out == run_cli({"--help"}).out);
    CHECK(run_cli({"version"}).out == run_cli({"--version"}).out);
    CHECK(run_cli({"help", "staus"}).exit_code == 2);
}

TEST_CASE("check names the pods that a policy selects where no agent can enforce it") {
    const Directory dir;
    const std::string data = std::string(CATFLAP_TEST_DATA) + "/walkthrough/";
    const Run run = run_cli({"check", data + "cluster.yaml", data + "policy.yaml"});
    CHECK(run.exit_code == 0);
    CHECK(has(
        run.out,
        "NetworkPolicy ingress/drop-inter-namespace: warning: selects pod ingress/kuard-vnode-ingress-84d8c9586f-fgr4j "
        "on node virtual-node-aci-linux, on which it is not enforced: a virtual node has no veths, and no agent\n"));
    CHECK(lines(run.out) == 2);
}

TEST_CASE("check: taken, refused, unread") {
    const Directory dir;
    const auto file = [&](const std::string& name, const std::string& text) {
        std::ofstream(dir.path() / name) << text;
        return (dir.path() / name).string();
    };
    const std::string pod = file("pod.json", kPod.dump());
    const Run good = run_cli({"check", pod});
    CHECK(good.out == "1 object, 0 refused\n");
    CHECK(good.exit_code == 0);
    CHECK(run_cli({"check", dir.path().string()}).out == good.out);

    const std::string policy = file("policy.yaml", "# comment\n---\n" + kPolicy.dump());
    const Run bad = run_cli({"check", pod, policy});
    CHECK(bad.exit_code == 1);
    CHECK(bad.out.starts_with(policy + ":3: NetworkPolicy b/x: spec.ingress[0].ports[0].port: "));
    CHECK(bad.out.ends_with("\n2 objects, 1 refused\n"));
    CHECK(bad.err.empty());
    const json data = json::parse(run_cli({"check", pod, policy, "-o", "json"}).out);
    CHECK(data["objects"] == 2);
    CHECK(data["refused"][0]["object"] == "NetworkPolicy b/x");
    CHECK(data["refused"][0]["line"] == 3);

    const Run missing = run_cli({"check", pod, "/nowhere.yaml"});
    CHECK(missing.exit_code == 1);
    CHECK(missing.out == good.out);
    CHECK(missing.err == "catflap: /nowhere.yaml cannot be read: No such file or directory\n");
    CHECK(run_cli({"check", file("broken.yaml", "a: [")}).exit_code == 1);
}

TEST_CASE("check: the standard input, and a directory without manifests") {
    const Run run = run_cli({"check", "-"}, kPolicy.dump());
    CHECK(run.exit_code == 1);
    CHECK(run.out.starts_with("stdin:1: NetworkPolicy b/x: "));
    CHECK(run_cli({"check", "-"}, kPod.dump()).exit_code == 0);

    const Directory dir;
    std::ofstream(dir.path() / ".hidden.yaml") << "a: [";
    std::ofstream(dir.path() / "notes.txt") << "a: [";
    const Run empty = run_cli({"check", dir.path().string()});
    CHECK(empty.exit_code == 1);
    CHECK(has(empty.err, "it holds no manifest"));
}
