// SPDX-License-Identifier: Apache-2.0
#include "support/table/truth_table.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "support/executors/executor.h"
#include "support/table/table_cluster.h"
#include "support/table/table_text.h"

namespace catflap::test {
namespace {

using oracle::Direction;
using oracle::Hop;

// "b/client", "b/client(v6)", "10.0.0.1".
struct End {
    const Pod* pod = nullptr;      // nullptr: an address, whoever owns it
    Address address;               // where pod is nullptr
    std::optional<Family> family;  // where the row says it
};

Result<End> parse_end(std::string text, const Cluster& cluster) {
    End end;
    for (const auto& [suffix, family] : {std::pair{"(v4)", Family::ipv4}, {"(v6)", Family::ipv6}})
        if (text.ends_with(suffix)) {
            end.family = family;
            text.resize(text.size() - 4);
        }
    const size_t slash = text.find('/');
    if (slash == std::string::npos) {
        const auto address = parse_address(text);
        if (!address)
            return fail("{}", address.error().message);
        end.address = *address;
        end.family = address->family();
        return end;
    }
    const auto found = cluster.pods.find({text.substr(0, slash), text.substr(slash + 1)});
    if (found == cluster.pods.end())
        return fail("there is no pod {}", text);
    end.pod = &found->second;
    return end;
}

Address address_of(const End& end, Family family) {
    if (end.pod == nullptr)
        return end.address.family() == family ? end.address : Address{};
    for (const Address& address : end.pod->addresses)
        if (address.family() == family)
            return address;
    return {};
}

struct Sentence {
    std::string source, destination, service;
};

Result<Sentence> parse_sentence(const std::string& text) {
    std::istringstream words(text);
    Sentence sentence;
    std::string arrow;
    std::string rest;
    words >> sentence.source >> arrow >> sentence.destination >> sentence.service;
    if (arrow != "->" || sentence.service.empty() || words >> rest)
        return fail("\"{}\" is not like \"b/client -> a/web 80/TCP\"", text);
    return sentence;
}

// The row in one family; no hops where an end has no address in it.
Result<Row> row_in(Family family, const Sentence& sentence, const End& source, const End& destination) {
    Row row;
    const Address from = address_of(source, family);
    const Address to = address_of(destination, family);
    if (from.is_unset() || to.is_unset())
        return row;
    const auto service = parse_service(sentence.service, family);
    if (!service)
        return tl::unexpected(service.error());
    row.text = fmt::format("{} -> {} {} ({})", sentence.source, sentence.destination, sentence.service,
                           family == Family::ipv4 ? "v4" : "v6");
    if (source.pod != nullptr && source.pod->node == kLocalNode)
        row.hops.push_back({source.pod->name, Direction::egress, to, service->protocol, service->port});
    if (destination.pod != nullptr && destination.pod->node == kLocalNode)
        row.hops.push_back({destination.pod->name, Direction::ingress, from, service->protocol, service->port});
    return row;
}

Result<std::vector<Row>> parse_row(const Yaml& line, bool allowed, const std::string& only, const Cluster& cluster) {
    const auto sentence = parse_sentence(line.text());
    if (!sentence)
        return tl::unexpected(sentence.error());
    const auto source = parse_end(sentence->source, cluster);
    const auto destination = parse_end(sentence->destination, cluster);
    if (!source || !destination)
        return tl::unexpected(source ? destination.error() : source.error());
    std::vector<Row> rows;
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const bool named = !only.empty() && only != (family == Family::ipv4 ? "v4" : "v6");
        if (named || source->family.value_or(family) != family || destination->family.value_or(family) != family)
            continue;
        auto row = row_in(family, *sentence, *source, *destination);
        if (!row)
            return tl::unexpected(row.error());
        row->line = line.line();
        row->allowed = allowed;
        row->again_in_ipv6 = !rows.empty();
        if (!row->hops.empty())
            rows.push_back(std::move(*row));
    }
    if (rows.empty())
        return fail("\"{}\" has no pod of {} whose addresses fit", line.text(), kLocalNode);
    return rows;
}

Result<void> check_keys(const Yaml& node, std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : node.entries())
        if (std::ranges::find(known, key) == known.end())
            return fail("unknown key \"{}\"", key);
    return {};
}

Result<Step> parse_step(const Yaml& node, Cluster& cluster, const std::string& only) {
    if (auto done = apply(node, cluster); !done)
        return tl::unexpected(done.error());
    Step step{node["name"].text(), cluster, {}};
    for (const bool allowed : {true, false})
        for (const Yaml& line : node[allowed ? "allowed" : "dropped"].items()) {
            auto rows = parse_row(line, allowed, only, cluster);
            if (!rows)
                return fail("line {}: {}", line.line(), rows.error().message);
            step.rows.insert(step.rows.end(), rows->begin(), rows->end());
        }
    return step;
}

Result<Case> parse_case(const Yaml& node, Cluster cluster, const std::string& file) {
    Case one{file, node["name"].text(), {}};
    if (one.name.empty())
        return fail("a case without a name");
    std::vector<Yaml> states = node["then"].items();
    states.insert(states.begin(), node);
    for (const Yaml& state : states) {
        auto keys = check_keys(state, {"name", "family", "namespaces", "pods", "nodes", "policies", "cluster_policies",
                                       "refused", "allowed", "dropped", "then"});
        if (!keys)
            return fail("{}: {}", one.name, keys.error().message);
        auto step = parse_step(state, cluster, node["family"].text());
        if (!step)
            return fail("{}{}: {}", one.name, one.steps.empty() ? "" : ", then " + state["name"].text(),
                        step.error().message);
        one.steps.push_back(std::move(*step));
    }
    if (std::ranges::all_of(one.steps, [](const Step& step) { return step.rows.empty(); }))
        return fail("{}: it has neither allowed nor dropped packets", one.name);
    return one;
}

}  // namespace

Result<std::vector<Case>> parse_cases(const std::string& text, const std::string& file) {
    const auto document = YamlDocument::parse(text);
    if (!document)
        return fail("{}: {}", file, document.error().message);
    const Yaml root = document->root();
    Cluster cluster;
    auto done = check_keys(root, {"about", "cluster", "cases"});
    if (done)
        done = apply(root["cluster"], cluster);
    if (!done)
        return fail("{}: {}", file, done.error().message);
    std::vector<Case> cases;
    for (const Yaml& node : root["cases"].items()) {
        auto one = parse_case(node, cluster, file);
        if (!one)
            return fail("{}: {}", file, one.error().message);
        cases.push_back(std::move(*one));
    }
    return cases;
}

Result<std::vector<Case>> read_cases(const std::string& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".yaml")
            files.push_back(entry.path());
    std::ranges::sort(files);
    std::vector<Case> cases;
    for (const auto& path : files) {
        std::ifstream stream(path);
        std::stringstream text;
        text << stream.rdbuf();
        auto some = parse_cases(text.str(), path.filename());
        if (!some)
            return some;
        std::ranges::move(*some, std::back_inserter(cases));
    }
    return cases;
}

}  // namespace catflap::test
