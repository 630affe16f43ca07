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

TEST_CASE("what API servers have stored is read as they read it") {
    const auto address = [](const char* text) { return to_string(parse_stored_address(text).value().address); };
    CHECK(address("010.009.001.009") == "10.9.1.9");
    CHECK(address("00000000010.0.0.000") == "10.0.0.0");
    CHECK(address("fd00:00001::") == "fd00:1::");
    CHECK(address("::ffff:010.0.0.1") == "10.0.0.1");
    CHECK(parse_stored_address("010.0.0.1")->odd.has_leading_zeros);
    CHECK(parse_stored_address("::ffff:10.0.0.1")->odd.is_mapped);
    for (const char* plain : {"10.0.0.1", "fd00::0001", "::"}) {
        CHECK_FALSE(parse_stored_address(plain)->odd.has_leading_zeros);
        CHECK_FALSE(parse_stored_address(plain)->odd.is_mapped);
    }
    for (const char* text :
         {"", "10.0.0", "0x10.1.1.1", "010.256.0.1", "1.2.3.4.5", "010..0.1", "010.0.0.", "fe80::1%eth0"})
        CHECK_FALSE(parse_stored_address(text).has_value());
}

TEST_CASE("stored CIDRs: leading zeros, IPv4-mapped blocks, host bits") {
    const auto prefix = [](const char* text) { return parse_stored_prefix(text).value(); };
    CHECK(to_string(prefix("010.009.001.009/32").prefix) == "10.9.1.9/32");
    CHECK(prefix("010.009.001.009/32").odd.has_leading_zeros);
    CHECK(to_string(prefix("10.0.0.0/08").prefix) == "10.0.0.0/8");
    CHECK(prefix("10.0.0.0/08").odd.has_leading_zeros);
    CHECK(prefix("::ffff:10.0.0.0/104").prefix == parse_prefix("10.0.0.0/8")->prefix);
    CHECK(prefix("::ffff:10.0.0.0/104").odd.is_mapped);
    CHECK(prefix("::ffff:0:0/96").prefix == parse_prefix("0.0.0.0/0")->prefix);
    CHECK(prefix("::ffff:10.1.2.3/120").odd.has_host_bits);
    CHECK(prefix("::ffff:10.0.0.0/95").prefix.family() == Family::ipv6);
    CHECK_FALSE(prefix("::ffff:10.0.0.0/95").prefix.contains(parse_address("10.0.0.1").value()));
    CHECK(prefix("10.0.0.1/8").odd.has_host_bits);
    for (const char* text :
         {"10.0.0.0", "10.0.0.0/33", "10.1/8", "1.2.3.4/+8", "1.2.3.4/-1", "::ffff:1.2.3.4/129", "/8", "1.2.3.4/"})
        CHECK_FALSE(parse_stored_prefix(text).has_value());
}
