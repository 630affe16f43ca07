// SPDX-License-Identifier: Apache-2.0
#include "agent/config_file.h"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <sstream>

#include "agent/options.h"

using namespace catflap::agent;

namespace {

// "name=value,value; ..."
std::string words(const std::string& text) {
    std::istringstream stream(text);
    std::string result;
    for (const CLI::ConfigItem& item : ConfigFile().from_config(stream))
        result += fmt::format("{}={}; ", item.name, fmt::join(item.inputs, ","));
    return result;
}

std::string refusal(const std::string& text) {
    try {
        return "taken: " + words(text);
    } catch (const CLI::FileError& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("names and values, as YAML and as lines of CLI11") {
    const std::string expected = "log-level=debug; metrics=[::1]:9473; metrics-rows=10; in-cluster=true; ";
    CHECK(words("# a comment\n\nlog-level: debug\nmetrics: '[::1]:9473'\nmetrics-rows: 10\nin-cluster: true\n") ==
          expected);
    CHECK(words("log-level = debug\nmetrics = \"[::1]:9473\"\nmetrics-rows = 10\nin-cluster = true\n") == expected);
    CHECK(words("---\nlog-level: debug\n") == "log-level=debug; ");
    CHECK(words("{log-level: debug, names: [a, b]}\n") == "log-level=debug; names=a,b; ");
    CHECK(words("").empty());
    CHECK(words("# nothing\n").empty());
    CHECK(words("---\n").empty());
}

TEST_CASE("what is no configuration is refused, with its line") {
    CHECK(refusal("log-level: debug\nmetrics: {a: b}\n") ==
          "the configuration file, line 2: metrics needs a value, or a list of values");
    CHECK(refusal("log-level: debug\nnames:\n- [a]\n") ==
          "the configuration file, line 3: names is a list of something else than values");
    CHECK(refusal("- log-level: debug\n") == "the configuration file, line 1: it is not a mapping of names and values");
    CHECK(refusal("log-level: [debug\n").starts_with("the configuration file, line "));
}

TEST_CASE("what only a start reads is named") {
    const Options running;
    Options now = running;
    now.log_level = spdlog::level::debug;
    now.metrics = "off";
    CHECK(needs_restart(running, now).empty());
    now.node = "other";
    now.interface_prefixes = catflap::InterfacePrefixes::parse("eni").value();
    CHECK(needs_restart(running, now) == std::vector<std::string>{"--node", "--interface-prefix"});
}
