// SPDX-License-Identifier: Apache-2.0
#include "iptables/apply/tool.h"

#include <doctest/doctest.h>

using namespace catflap::iptables;

TEST_CASE("a tool is found by its absolute path, or the message says what to install") {
    CHECK(find_tool("sh").value().starts_with('/'));
    const auto missing = find_tool("no-such-tool");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ENOENT);
    CHECK(missing.error().message.find("no-such-tool: it is not installed") != std::string::npos);
}

TEST_CASE("input and output larger than any pipe pass at once") {
    const std::string input(4 << 20, 'x');
    CHECK(run_tool({find_tool("cat").value()}, input).value() == input);
}

TEST_CASE("a tool that does not read its input is no signal for us") {
    const std::string input(4 << 20, 'x');
    CHECK(run_tool({find_tool("true").value()}, input).value().empty());
}

TEST_CASE("a failure has the tool's words, and the line that they speak of") {
    const std::string shell = find_tool("sh").value();
    const auto failed =
        run_tool({shell, "-c", "cat >/dev/null; echo 'line 2 failed' >&2; exit 1"}, "one\ntwo\nthree\n");
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message == shell + ": line 2 failed (two)");
    CHECK(run_tool({shell, "-c", "kill -9 $$"}).error().message == shell + ": ended with status 0x9");
    CHECK(run_tool({"/no/such/file"}).error().message == "run /no/such/file: No such file or directory");
}
