// SPDX-License-Identifier: Apache-2.0
// catflap explain: its exit codes, its words, and how it takes its arguments.
#include <doctest/doctest.h>

#include <fstream>

#include "unit/cli/fake_agent.h"

using namespace catflap::cli::test;
using nlohmann::json;

namespace {

// a/x (10.0.0.1) may not reach a/web (10.0.0.2) but on TCP 80.
constexpr const char* kManifests = R"(
apiVersion: v1
kind: Pod
metadata: {name: x, namespace: a}
spec: {nodeName: n1}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {nodeName: n1}
status: {podIP: 10.0.0.2}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: a}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{ports: [{port: 80}]}]
)";

bool has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("explain: 0 is allowed, 1 dropped, 2 a wrong question, 3 nobody can answer") {
    const auto run = [](std::vector<std::string> words, const char* manifests = kManifests) {
        words.insert(words.begin(), {"explain", "--files", "-"});
        return run_cli(words, manifests);
    };
    CHECK(run({"a/x", "a/web", "80/tcp"}).exit_code == 0);
    CHECK(run({"a/x", "a/web", "81/tcp"}).exit_code == 1);
    CHECK(run({"a/x", "a/unknown", "80/tcp"}).exit_code == 2);
    CHECK(run({"a/x", "a/unknown", "80/tcp"}).err == "catflap: there is no pod a/unknown\n");
    CHECK(run_cli({"explain", "--files", "/nowhere/x.yaml", "a/x", "a/web", "80/tcp"}).exit_code == 3);
    CHECK(run_against({{"ok", false}, {"error", "not enforcing yet: why"}, {"exit", 1}},
                      {"explain", "a/x", "a/web", "80/tcp"})
              .exit_code == 3);
    CHECK(run_against({{"ok", false}, {"error", "there is no pod a/x"}, {"exit", 2}},
                      {"explain", "a/x", "a/web", "80/tcp"})
              .exit_code == 2);
}

TEST_CASE("explain: what people read") {
    const Run run = run_cli({"explain", "--files", "-", "a/x", "a/web", "81/tcp"}, kManifests);
    CHECK(run.out ==
          "a/x (10.0.0.1) -> a/web (10.0.0.2), TCP 81: dropped\n"
          "egress of a/x on n1: allowed, no policy isolates it in this direction\n"
          "ingress of a/web on n1: dropped, a policy isolates it, and no rule of it admits this\n"
          "  a/p Ingress[0]: right peer, but it admits TCP 80, not TCP 81\n"
          "  note: perhaps nobody enforces this on node n1: the source has no Node of this name, so nothing tells "
          "whether an agent runs there\n");
    CHECK(run.err.empty());
    CHECK(has(run_cli({"explain", "--files", "-", "192.0.2.1", "a/web", "icmp"}, kManifests).out,
              "192.0.2.1 -> a/web (10.0.0.2), ICMP: dropped\n"));
}

TEST_CASE("explain: the question may stand before or after --files, and before other options") {
    const Directory dir;
    const std::string file = dir.path() / "all.yaml";
    std::ofstream(file) << kManifests;
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"--files", file, "a/x", "a/web", "81/tcp", "-o", "json"},
                                               {"--files", file, "-o", "json", "a/x", "a/web", "81/tcp"},
                                               {"a/x", "a/web", "81/tcp", "-o", "json", "--files", dir.path().string()},
                                               {"-o", "json", "a/x", "--files", file, "a/web", "81/tcp"}}) {
        std::vector<std::string> arguments = words;
        arguments.insert(arguments.begin(), "explain");
        const Run run = run_cli(arguments);
        CHECK(run.exit_code == 1);
        CHECK(run.err.empty());
        const json answer = json::parse(run.out, nullptr, false);
        REQUIRE(answer.is_object());
        CHECK(answer["verdict"] == "dropped");
        CHECK(answer["paths"][0]["ends"][1]["misses"][0]["policy"] == "a/p");
        CHECK(answer["paths"][0]["ends"][1]["tables"] == "");
    }
}

TEST_CASE("explain: the agent is asked with the words as they were typed, and its answer printed harmlessly") {
    const json end = {{"direction", "Ingress"}, {"pod", "a/web"},          {"node", "n\x1b[1"}, {"verdict", "allowed"},
                      {"sentence", "why"},      {"misses", json::array()}, {"notes", {"so"}}};
    const FakeAgent agent(json{{"ok", true},
                               {"explanation",
                                {{"from", "a/x"},
                                 {"to", "a/web"},
                                 {"protocol", "TCP"},
                                 {"port", 80},
                                 {"verdict", "allowed"},
                                 {"paths",
                                  {{{"source", "10.0.0.1"},
                                    {"destination", "10.0.0.2"},
                                    {"verdict", "allowed"},
                                    {"ends", json::array({end})}}}},
                                 {"notes", {"besides"}}}}});
    const Run run = run_cli({"explain", "a/x", "a/web", "http/tcp", "--run-dir", agent.run_dir()});
    CHECK(run.exit_code == 0);
    CHECK(agent.request() == json{{"command", "explain"}, {"from", "a/x"}, {"to", "a/web"}, {"port", "http/tcp"}});
    CHECK(run.out ==
          "a/x (10.0.0.1) -> a/web (10.0.0.2), TCP 80: allowed\n"
          "ingress of a/web on n\\x1b[1: allowed, why\n"
          "  note: so\n"
          "note: besides\n");
}

TEST_CASE("explain: a refused policy isolates, and is told") {
    std::string manifests = kManifests;
    manifests.replace(manifests.find("port: 80}"), 9, "port: x_}");
    const Run run = run_cli({"explain", "--files", "-", "a/x", "a/web", "80/tcp"}, manifests);
    CHECK(run.exit_code == 1);
    CHECK(has(run.err, "refused: "));
    CHECK(has(run.out, "a/p: it was refused, and no earlier version of it is known: it isolates without rules\n"));
}
