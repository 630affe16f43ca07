// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

using namespace catflap;
using namespace catflap::cli;
using nlohmann::json;

namespace {

json policy(const std::string& name, uint64_t allowed) {
    return {{"kind", "NetworkPolicy"},   {"namespace", "ingress"}, {"name", name},         {"tier", "default"},
            {"directions", {"Ingress"}}, {"endpoints", 3},         {"rules", 1},           {"allowedPackets", allowed},
            {"allowedBytes", 123456},    {"droppedPackets", 416},  {"droppedBytes", 24960}};
}

size_t longest_line(const std::string& text) {
    size_t longest = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto continuing = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) == 0x80; });
        longest = std::max(longest, line.size() - static_cast<size_t>(continuing));
    }
    return longest;
}

}  // namespace

TEST_CASE("a table: columns in order, numbers to the right and readable") {
    const json items = {policy("drop-inter-namespace", 12'800), policy("web", 7)};
    CHECK(render_table(report::Kind::policies, items, {}) ==
          "NAMESPACE  NAME                  TIER     RANK  DIRECTIONS  ENDPOINTS  RULES  ALLOWED  DROPPED\n"
          "ingress    drop-inter-namespace  default     -  Ingress             3      1    12.8k      416\n"
          "ingress    web                   default     -  Ingress             3      1        7      416\n");
}

TEST_CASE("wide: every column, exact numbers") {
    CHECK(render_table(report::Kind::policies, json::array({policy("web", 12'800)}), {.wide = true}) ==
          "KIND           NAMESPACE  NAME  TIER     RANK  PRIORITY  DIRECTIONS  ENDPOINTS  RULES  ALLOWED  DROPPED"
          "  ALLOWED-BYTES  DROPPED-BYTES\n"
          "NetworkPolicy  ingress    web   default     -         -  Ingress             3      1    12800      416"
          "         123456          24960\n");
}

TEST_CASE("sets: a long list ends with how many more; wide shows every member") {
    json members = json::array();
    for (int i = 0; i < 15; ++i)
        members.push_back("10.13.76." + std::to_string(i));
    const json items = {{{"name", "pods of namespaces name=kube-system"},
                         {"kind", "pods"},
                         {"classes", {1, 2, 30, 41, 52, 63, 74, 85, 96, 107, 118, 129, 130, 141, 152}},
                         {"addresses", 15},
                         {"members", members}}};
    CHECK(render_table(report::Kind::sets, items, {.width = 110}) ==
          "NAME                                 KIND  CLASSES                                      ADDRESSES\n"
          "pods of namespaces name=kube-system  pods  1,2,30,41,52,63,74,85,96,107,118,129,130,+2         15\n");
    // Not on a terminal: nothing is cut.
    CHECK(render_table(report::Kind::sets, items, {}).find("118,129,130,141,152         15\n") != std::string::npos);
    CHECK(render_table(report::Kind::sets, items, {.wide = true}).find("10.13.76.0,10.13.76.1,") != std::string::npos);
}

TEST_CASE("isolation: how many policies, which ones, or open") {
    const json items = {
        {{"interface", "cali1"}, {"ingressPolicies", {"a/b", "a/c"}}, {"egressPolicies", json::array()}}};
    const std::string table = render_table(report::Kind::endpoints, items, {});
    CHECK(table.find("      2    open") != std::string::npos);
    CHECK(render_table(report::Kind::endpoints, items, {.wide = true}).find("a/b,a/c") != std::string::npos);
}

TEST_CASE("a table fits the terminal, and without one nothing is cut; names keep both ends") {
    const std::string name = "kube-controller-manager-" + std::string(60, 'x') + "-a1b2c";
    const json items = {{{"interface", "cali0123456789a"},
                         {"namespace", std::string(40, 'n')},
                         {"pod", name},
                         {"addresses", {"10.13.76.123", "fd00:1234:5678:9abc:def0:1234:5678:9abc"}},
                         {"state", "enforced"},
                         {"ingressPolicies", {"a/b"}},
                         {"egressPolicies", {"a/b"}},
                         {"allowedPackets", 1e12},
                         {"droppedPackets", 1e12}}};
    for (const size_t width : {110U, 140U})
        CHECK(longest_line(render_table(report::Kind::endpoints, items, {.width = width})) == width);
    const std::string table = render_table(report::Kind::endpoints, items, {.width = 110});
    CHECK(render_table(report::Kind::endpoints, items, {}).find(name) != std::string::npos);
    CHECK(render_table(report::Kind::endpoints, items, {}).find("…") == std::string::npos);
    CHECK(table.find("kube-") != std::string::npos);
    CHECK(table.find("-a1b2c") != std::string::npos);
    CHECK(render_table(report::Kind::endpoints, items, {.wide = true}).find(name) != std::string::npos);

    const json drops = {{{"reason", "policy"}, {"packets", 1}, {"bytes", 60}, {"sentence", std::string(200, 's')}}};
    CHECK(longest_line(render_table(report::Kind::drops, drops, {.width = 80})) == 80);
}

TEST_CASE("what is missing, empty or of another type is no reason to fail") {
    CHECK(render_table(report::Kind::sets, json::array({json::object()}), {}).find("-     -     -                -") !=
          std::string::npos);
    for (const Kind& kind : kinds()) {
        json item;
        for (const Column& column : kind.columns)
            if (column.field.find('/') == std::string_view::npos && !column.field.empty())
                item[std::string(column.field)] = "text";
        item["entries"] = 1;
        item["maxEntries"] = 0;
        CHECK_FALSE(render_table(kind.kind, json::array({item}), {}).empty());
    }
}

TEST_CASE("a name does not drive the terminal; characters count, not bytes") {
    const json items = {{{"name", "ns=\x1b[31mred\n"}, {"kind", "pods"}}, {{"name", "größe"}, {"kind", "ipBlock"}}};
    CHECK(render_table(report::Kind::sets, items, {}) ==
          "NAME                KIND     CLASSES  ADDRESSES\n"
          "ns=\\x1b[31mred\\x0a  pods     -                -\n"
          "größe               ipBlock  -                -\n");
}

TEST_CASE("colours only where asked for") {
    const json items = {{{"interface", "cali1"}, {"state", "unknown"}}};
    CHECK(render_table(report::Kind::endpoints, items, {}).find('\x1b') == std::string::npos);
    const std::string painted = render_table(report::Kind::endpoints, items, {.colours = true});
    CHECK(painted.find("\x1b[1mINTERFACE\x1b[0m") == 0);
    CHECK(painted.find("\x1b[31munknown\x1b[0m") != std::string::npos);
}

TEST_CASE("numbers for people") {
    CHECK(human_count(0) == "0");
    CHECK(human_count(9'999) == "9999");
    CHECK(human_count(10'000) == "10.0k");
    CHECK(human_count(999'949) == "999.9k");
    CHECK(human_count(999'960) == "1.0M");
    CHECK(human_count(1.8e19) == "18000.0P");
    CHECK(human_bytes(1'023) == "1023B");
    CHECK(human_bytes(1 << 20) == "1.0MiB");
    CHECK(human_seconds(0.25) == "0.2s");
    CHECK(human_seconds(59.9) == "59s");
    CHECK(human_seconds(192) == "3m12s");
    CHECK(human_seconds(7'260) == "2h1m");
    CHECK(human_seconds(200'000) == "2d7h");
}

TEST_CASE("audit mode drops nothing, and no title says that it does") {
    const json items = json::array({policy("web", 1)});
    for (const bool wide : {false, true}) {
        const std::string table = render_table(report::Kind::policies, items, {.wide = wide, .audit = true});
        CHECK(table.find("WOULD-DROP") != std::string::npos);
        CHECK(table.find("DROPPED") == std::string::npos);
        for (const report::Kind kind : {report::Kind::endpoints, report::Kind::drops})
            CHECK(render_table(kind, items, {.wide = wide, .audit = true}).find("WOULD-DROP") != std::string::npos);
    }
    CHECK(render_table(report::Kind::policies, items, {}).find("DROPPED") != std::string::npos);
}

TEST_CASE("maps: an estimate is marked as one, and why a full one is no trouble") {
    const json items = {{{"name", "flows"},
                         {"type", "lru_hash"},
                         {"entries", 10},
                         {"maxEntries", 10},
                         {"estimated", true},
                         {"memoryBytes", 1},
                         {"note", "full is normal"}},
                        {{"name", "table"},
                         {"type", "array"},
                         {"entries", 5},
                         {"maxEntries", 5},
                         {"fixed", true},
                         {"memoryBytes", 1},
                         {"note", "fixed"}}};
    CHECK(render_table(report::Kind::maps, items, {}) ==
          "NAME   TYPE      ENTRIES  MAX     FILL  MEMORY  NOTE\n"
          "flows  lru_hash       10   10  ~100.0%      1B  full is normal\n"
          "table  array           5    5        -      1B  fixed\n");
}

TEST_CASE("a long table is written before all of it is there; a wider row then only moves its own line") {
    std::ostringstream out;
    TableWriter table(report::Kind::drops, {}, out);
    const auto row = [](const std::string& reason) { return json{{"reason", reason}, {"packets", 1}, {"bytes", 2}}; };
    for (size_t i = 0; i + 1 < TableWriter::kMeasured; ++i)
        table.add(row("short"));
    CHECK(out.str().empty());
    table.add(row("short"));
    CHECK(out.str().starts_with("REASON  PACKETS"));
    const size_t written = out.str().size();
    table.add(row("longer-than-the-others"));
    CHECK(out.str().substr(written) == "longer-than-the-others        1     2B  -\n");
    table.finish();
    const std::string text = out.str();
    CHECK(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) == TableWriter::kMeasured + 2);
}

TEST_CASE("one thing and several") {
    CHECK(counted(1, "policy", "policies") == "1 policy");
    CHECK(counted(0, "policy", "policies") == "0 policies");
    CHECK(counted(12'800, "policy", "policies") == "12.8k policies");
}
