// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "unit/cli/fake_agent.h"

using namespace catflap;
using namespace catflap::cli;
using namespace catflap::cli::test;
using nlohmann::json;

namespace {

// Answers with one page after the other, whatever is asked; the last one over and over.
class PagedAgent {
  public:
    explicit PagedAgent(std::vector<json> pages)
        : pages_(std::move(pages)), agent_([this](const std::string&) {
              const json& page = pages_[std::min(next_++, pages_.size() - 1)];
              return page.dump() + "\n";
          }) {}
    [[nodiscard]] std::string run_dir() const { return agent_.run_dir(); }
    [[nodiscard]] const std::vector<json>& requests() const { return agent_.requests(); }

  private:
    std::vector<json> pages_;
    size_t next_ = 0;
    FakeAgent agent_;
};

json page(const std::vector<std::string>& reasons, const std::string& next = "", int state = 1) {
    json answer = {{"ok", true}, {"items", json::array()}, {"mode", "ebpf"}, {"state", state}};
    for (const std::string& reason : reasons)
        answer["items"].push_back({{"reason", reason}, {"packets", 1}, {"bytes", 2}, {"sentence", "s"}});
    if (!next.empty())
        answer["next"] = next;
    return answer;
}

Run get(const PagedAgent& agent, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "get");
    arguments.insert(arguments.end(), {"--run-dir", agent.run_dir()});
    return run_cli(std::move(arguments));
}

}  // namespace

TEST_CASE("all pages are asked for on one connection, each by the cursor of the one before; an empty one is none") {
    const PagedAgent agent({page({"a", "b"}, "[1]"), page({}, "[2]"), page({"c"})});
    const Run run = get(agent, {"drops", "-o", "json"});
    CHECK(run.exit_code == 0);
    CHECK(run.err.empty());
    const json items = json::parse(run.out);
    CHECK(run.out == items.dump(2) + "\n");
    CHECK(items.size() == 3);
    CHECK(agent.requests().size() == 3);
    CHECK_FALSE(agent.requests()[0].contains("after"));
    CHECK(agent.requests()[1]["after"] == "[1]");
    CHECK(agent.requests()[2]["after"] == "[2]");
}

TEST_CASE("the same items as table and as YAML") {
    const std::vector<json> pages = {page({"a"}, "[1]"), page({"b"})};
    CHECK(get(PagedAgent(pages), {"drops"}).out ==
          "REASON  PACKETS  BYTES  MEANING\na             1     2B  s\nb             1     2B  s\n");
    CHECK(
        get(PagedAgent(pages), {"drops", "-o", "yaml"}).out ==
        "- bytes: 2\n  packets: 1\n  reason: a\n  sentence: s\n- bytes: 2\n  packets: 1\n  reason: b\n  sentence: s\n");
}

TEST_CASE("a limit ends the list, and it is said that there is more") {
    const PagedAgent more({page({"a", "b"}, "[1]"), page({"c", "d"}, "[2]")});
    const Run cut = get(more, {"drops", "--limit", "3", "-o", "json"});
    CHECK(json::parse(cut.out).size() == 3);
    CHECK(cut.err == "the first 3; there are more\n");
    CHECK(more.requests()[0]["limit"] == 4);
    CHECK(more.requests()[1]["limit"] == 2);
    const PagedAgent all({page({"a", "b"}, "[1]"), page({"c"})});
    const Run whole = get(all, {"drops", "--limit", "3", "-o", "json"});
    CHECK(json::parse(whole.out).size() == 3);
    CHECK(whole.err.empty());
}

TEST_CASE("a set that comes in parts is one item") {
    const auto part = [](const std::string& name, std::vector<std::string> members, bool continued,
                         const std::string& next) {
        json answer = page({}, next);
        answer["items"] = {
            {{"name", name}, {"kind", "pods"}, {"classes", {1}}, {"addresses", 3}, {"members", members}}};
        if (continued)
            answer["items"][0]["continued"] = true;
        return answer;
    };
    const PagedAgent agent(
        {part("x", {"1", "2"}, false, "[1]"), part("x", {"3"}, true, "[2]"), part("y", {"4"}, false, "")});
    const json items = json::parse(get(agent, {"sets", "-o", "json"}).out);
    REQUIRE(items.size() == 2);
    CHECK(items[0]["members"] == json::array({"1", "2", "3"}));
    CHECK(items[0]["addresses"] == 3);
    CHECK(items[1]["members"] == json::array({"4"}));
    CHECK_FALSE(items[0].contains("continued"));
}

TEST_CASE("a table of sets asks for no members; filters go to the agent") {
    const PagedAgent sets(std::vector<json>{page({})});
    get(sets, {"sets"});
    CHECK(sets.requests()[0]["members"] == false);
    const PagedAgent flows(std::vector<json>{page({})});
    get(flows, {"flows", "shop/web", "--endpoint", "cali1"});
    json asked = flows.requests()[0];
    CHECK(asked == json{{"command", "get"}, {"kind", "flows"}, {"names", {"shop/web"}}, {"endpoint", "cali1"}});
}

TEST_CASE("a name that no page has is refused, and nothing is printed") {
    json first = page({"a"}, "[1]");
    first["found"] = json::array({"a"});
    json second = page({});
    second["found"] = json::array();
    const Run run = get(PagedAgent({first, second}), {"drops", "a", "b"});
    CHECK(run.exit_code == 1);
    CHECK(run.out.empty());
    CHECK(run.err == "catflap: there is no b among the drops\n");
    json both = page({"a", "b"});
    both["found"] = json::array({"a", "b"});
    CHECK(get(PagedAgent(std::vector<json>{both}), {"drops", "a", "b"}).exit_code == 0);
}

TEST_CASE("a change between two pages is said; a list that does not go on ends") {
    const Run changed = get(PagedAgent({page({"a"}, "[1]", 1), page({"b"}, "", 2)}), {"drops"});
    CHECK(changed.exit_code == 0);
    CHECK(changed.err.starts_with("something changed while this was read"));
    const Run stuck = get(PagedAgent({page({"a"}, "[1]"), page({"b"}, "[1]")}), {"drops", "-o", "json"});
    CHECK(stuck.exit_code == 1);
    CHECK(stuck.err.find("does not go on") != std::string::npos);
}

TEST_CASE("audit mode's columns say that nothing was dropped") {
    json answer = page({"policy"});
    answer["mode"] = "audit";
    CHECK(get(PagedAgent(std::vector<json>{answer}), {"drops"}).out.starts_with("REASON  WOULD-DROP"));
}
