// SPDX-License-Identifier: Apache-2.0
#include "model/address.h"

#include <doctest/doctest.h>

using namespace catflap;

TEST_CASE("addresses round-trip in both families") {
    for (const char* text : {"0.0.0.0", "10.13.76.19", "255.255.255.255", "::", "::1", "fd00::1:2"})
        CHECK(to_string(parse_address(text).value()) == text);
    CHECK(parse_address("10.0.0.1")->is_ipv4());
    CHECK_FALSE(parse_address("::")->is_ipv4());
}

TEST_CASE("what is not an address is refused") {
    for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.01x", "fd00:::1", "::ffff:10.0.0.1", "web"})
        CHECK_FALSE(parse_address(text).has_value());
}

TEST_CASE("a prefix is taken as its network, and says when it had host bits") {
    const auto written = parse_prefix("10.0.0.1/8").value();
    CHECK(written.had_host_bits);
    CHECK(to_string(written.prefix) == "10.0.0.0/8");
    CHECK(written.prefix.length() == 104);
    CHECK_FALSE(parse_prefix("fd00::/8")->had_host_bits);
    for (const char* text : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/", "fd00::/129", "/8"})
        CHECK_FALSE(parse_prefix(text).has_value());
}

TEST_CASE("containment stays inside a family") {
    const auto prefix = [](const char* text) { return parse_prefix(text)->prefix; };
    const auto address = [](const char* text) { return parse_address(text).value(); };
    CHECK(prefix("0.0.0.0/0").contains(address("8.8.8.8")));
    CHECK_FALSE(prefix("::/0").contains(address("8.8.8.8")));
    CHECK_FALSE(prefix("0.0.0.0/0").contains(address("fd00::1")));
    CHECK(prefix("10.0.0.0/8").contains(prefix("10.1.0.0/16")));
    CHECK_FALSE(prefix("10.1.0.0/16").contains(prefix("10.0.0.0/8")));
    CHECK_FALSE(prefix("::/0").contains(prefix("0.0.0.0/0")));
    CHECK(prefix("10.0.0.0/8").contains(prefix("10.0.0.0/8")));
}
