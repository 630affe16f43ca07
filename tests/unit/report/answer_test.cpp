// SPDX-License-Identifier: Apache-2.0
// Requests of the control protocol and their answers, whoever stands behind them.
#include "report/answer.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace catflap;
using namespace catflap::report;
using nlohmann::json;

namespace {

class Script : public Responder {
  public:
    Result<Settled> settle(std::optional<uint64_t> question) override {
        questions.push_back(question);
        if (!settle_error.empty())
            return fail("{}", settle_error);
        if (questions.size() <= waits)
            return Settled{42, "no server", {}};
        return Settled{std::nullopt, "", {{"a.yaml", 3, "NetworkPolicy shop/web", "spec", "no", Outcome::isolated}}};
    }
    [[nodiscard]] Status status() const override {
        Status status;
        status.node = "n1";
        status.engine.emplace();
        status.engine->counts = {{"endpoints", 2}};
        status.counts = {{"interfaces", 3}};
        return status;
    }
    [[nodiscard]] Result<> is_ready() const override { return ready ? Result<>{} : fail("not enforcing yet: why"); }
    Result<> list(Page& page) const override {
        if (page.query().kind == Kind::maps)
            return fail("there are no maps");
        page.add(DropRow{"policy", "no policy allows it", {4, 400}});
        return {};
    }
    [[nodiscard]] Result<Explanation> explain(const Question& question) const override {
        if (question.from.empty())
            return fail("no FROM");
        Explanation explanation{question.from, question.to, "TCP", 80, false};
        explanation.paths.push_back({"10.0.0.1", "10.0.0.2", false, {{"Ingress", "a/web", "n1", false}}});
        EndVerdict& end = explanation.paths[0].ends[0];
        end.ground = Ground::isolated;
        end.sentence = "no";
        end.isolated_by = {"a/p", "a/q"};
        end.misses = {{"a/p", 2, "why"}, {"a/q", std::nullopt, "none"}};
        end.tables = true;
        return explanation;
    }
    Result<Verified> verify(std::optional<uint64_t> question, bool repair) override {
        if (question == std::optional<uint64_t>(99))
            return fail("not known any more");
        if (!question)
            return Verified{7, {}};
        Verified verified;
        verified.verification.repair = repair;
        verified.verification.check("prefixes").checked = 2;
        verified.verification.add({"prefixes", "10.0.0.0/8", "class 3", "no entry", "mended"}, true);
        return verified;
    }
    [[nodiscard]] std::string mode() const override { return "ebpf"; }
    [[nodiscard]] uint64_t commits() const override { return 7; }

    bool ready = true;
    std::string settle_error;
    std::vector<std::optional<uint64_t>> questions;
    size_t waits = 0;  // so often the source has not answered yet
};

json ask(Script& script, const json& request) {
    return answer(script, request);
}

}  // namespace

TEST_CASE("get: the rows, and of which state they are") {
    Script script;
    CHECK(ask(script, {{"command", "get"}, {"kind", "drops"}}) ==
          json{{"ok", true},
               {"items", {{{"reason", "policy"}, {"sentence", "no policy allows it"}, {"packets", 4}, {"bytes", 400}}}},
               {"mode", "ebpf"},
               {"state", 7}});
}

TEST_CASE("get: a wrong request is the caller's, and what an engine lacks is not") {
    Script script;
    CHECK(ask(script, {{"command", "get"}, {"kind", "drop"}}) ==
          json{{"ok", false}, {"error", "there is no kind \"drop\""}, {"exit", 2}});
    CHECK(ask(script, {{"command", "get"}, {"kind", "maps"}}) ==
          json{{"ok", false}, {"error", "there are no maps"}, {"exit", 1}});
}

TEST_CASE("a command that there is not is the caller's mistake") {
    Script script;
    CHECK(ask(script, {{"command", "gte"}})["exit"] == 2);
    CHECK(ask(script, json::object())["exit"] == 2);
}

TEST_CASE("before anything is enforced there is a status, and why there is nothing else") {
    Script script;
    script.ready = false;
    CHECK(ask(script, {{"command", "status"}})["ok"] == true);
    CHECK(ask(script, {{"command", "get"}, {"kind", "drops"}}) ==
          json{{"ok", false}, {"error", "not enforcing yet: why"}, {"exit", 1}});
}

TEST_CASE("settle: what was refused, or why not everything is in force") {
    Script script;
    const json settled = ask(script, {{"command", "settle"}});
    CHECK(settled["ok"] == true);
    CHECK(settled["refused"] == json::array({{{"file", "a.yaml"},
                                              {"line", 3},
                                              {"object", "NetworkPolicy shop/web"},
                                              {"field", "spec"},
                                              {"message", "no"},
                                              {"outcome", "isolated"}}}));
    script.settle_error = "the source is gone";
    CHECK(ask(script, {{"command", "settle"}}) == json{{"ok", false}, {"error", "the source is gone"}, {"exit", 1}});
}

TEST_CASE("settle: a source that has not answered yet is asked for its answer, not anew") {
    Script script;
    script.waits = 1;
    const json pending = ask(script, {{"command", "settle"}});
    CHECK(pending == json{{"ok", true}, {"pending", 42}, {"trouble", "no server"}});
    CHECK(ask(script, {{"command", "settle"}, {"question", pending["pending"]}}).contains("refused"));
    CHECK(script.questions == std::vector<std::optional<uint64_t>>{std::nullopt, 42});
}

TEST_CASE("status: the engine's counts and the agent's are one object") {
    Script script;
    const json status = ask(script, {{"command", "status"}})["status"];
    CHECK(status["counts"] == json{{"endpoints", 2}, {"interfaces", 3}});
    CHECK(status["state"] == "enforcing");
    CHECK(status["source"]["state"] == "synced");
    CHECK(status["source"]["cache"].is_null());
    CHECK_FALSE(status.contains("asksConntrack"));
    CHECK(status["maps"] == json::array());
    CHECK(status["health"] == json::object());
}

TEST_CASE("explain: the verdict of each end with its reasons, and a wrong question is the caller's") {
    Script script;
    const json answer = ask(script, {{"command", "explain"}, {"from", "a/x"}, {"to", "a/web"}, {"port", "80/tcp"}});
    const json end = {
        {"direction", "Ingress"},
        {"pod", "a/web"},
        {"node", "n1"},
        {"verdict", "dropped"},
        {"ground", "isolated"},
        {"sentence", "no"},
        {"isolatedBy", {"a/p", "a/q"}},
        {"admittedBy", json::array()},
        {"misses", {{{"policy", "a/p"}, {"index", 2}, {"reason", "why"}}, {{"policy", "a/q"}, {"reason", "none"}}}},
        {"tables", "allowed"},
        {"inOrder", json::array()},
        {"notes", json::array()}};
    CHECK(answer == json{{"ok", true},
                         {"explanation",
                          {{"from", "a/x"},
                           {"to", "a/web"},
                           {"protocol", "TCP"},
                           {"port", 80},
                           {"verdict", "dropped"},
                           {"paths",
                            {{{"source", "10.0.0.1"},
                              {"destination", "10.0.0.2"},
                              {"verdict", "dropped"},
                              {"ends", json::array({end})}}}},
                           {"notes", json::array()}}}});
    CHECK(ask(script, {{"command", "explain"}, {"from", 7}}) == json{{"ok", false}, {"error", "no FROM"}, {"exit", 2}});
    script.ready = false;
    CHECK(ask(script, {{"command", "explain"}, {"from", "a/x"}})["exit"] == 1);
}

TEST_CASE("a verification is asked for, asked about, and then answered with what differed") {
    Script agent;
    CHECK(answer(agent, {{"command", "verify"}}) == json{{"ok", true}, {"pending", 7}});
    const json found = answer(agent, {{"command", "verify"}, {"question", 7U}, {"repair", true}}).at("verification");
    CHECK(found.at("equal") == false);
    CHECK(found.at("repair") == true);
    CHECK(found.at("differencesCount") == 1);
    CHECK(found.at("checks") ==
          json::array({{{"check", "prefixes"}, {"checked", 2}, {"differences", 1}, {"mended", 1}, {"unread", ""}}}));
    CHECK(found.at("differences")[0].at("object") == "10.0.0.0/8");
    CHECK(answer(agent, {{"command", "verify"}, {"question", 99U}}).at("exit") == 3);
    // What is no number and no truth is as if it were not there.
    CHECK(answer(agent, {{"command", "verify"}, {"question", "x"}, {"repair", "x"}}).at("pending") == 7);
}

TEST_CASE("what could not be compared is not equal") {
    Verification verification;
    CHECK(verification.is_equal());
    verification.check("prefixes").unread = "EPERM";
    CHECK_FALSE(verification.is_equal());
}
