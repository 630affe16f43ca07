// SPDX-License-Identifier: Apache-2.0
// How kubectl's parser reads plain scalars: the table in docs/semantics.md, "What a manifest says". Each row was read
// by sigs.k8s.io/yaml v1.4, as kubectl does.
#include <doctest/doctest.h>

#include "source/decode/document.h"
#include "unit/source/support.h"

using namespace catflap;
using namespace catflap::source;

namespace {

Decoded decode_port(const std::string& port) {
    return decode(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
        "spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: " +
            port + "\n",
        "f");
}

Decoded decode_host_network(const std::string& text) {
    return decode("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostNetwork: " + text + "}\n", "f");
}

}  // namespace

TEST_CASE("plain scalars: whole numbers") {
    const std::vector<std::pair<const char*, int64_t>> whole = {{"0", 0},
                                                                {"-0", 0},
                                                                {"+1", 1},
                                                                {"-1", -1},
                                                                {"80", 80},
                                                                {"080", 80},
                                                                {"08", 8},
                                                                {"010", 8},
                                                                {"-010", -8},
                                                                {"+010", 8},
                                                                {"0b1", 1},
                                                                {"-0b11", -3},
                                                                {"0B1", 1},
                                                                {"0o7", 7},
                                                                {"0O7", 7},
                                                                {"-0o7", -7},
                                                                {"0x1F", 31},
                                                                {"0X1f", 31},
                                                                {"+0x1", 1},
                                                                {"1_000", 1000},
                                                                {"1_", 1},
                                                                {"0_8", 8},
                                                                {"0x_1", 1},
                                                                {"0b_1", 1},
                                                                {"1e3", 1000},
                                                                {"1E3", 1000},
                                                                {"8e1", 80},
                                                                {"1.0", 1},
                                                                {"80.0", 80},
                                                                {"5.", 5},
                                                                {"1.e3", 1000},
                                                                {".5e1", 5},
                                                                {"0.8e2", 80},
                                                                {"12e03", 12000},
                                                                {"00", 0},
                                                                {"1e1_0", 10'000'000'000},
                                                                {"9223372036854775807", INT64_MAX}};
    for (const auto& [text, value] : whole) {
        CAPTURE(text);
        CHECK(plain_type(text) == PlainType::number);
        CHECK(plain_integer(text) == value);
    }
}

TEST_CASE("plain scalars: other numbers, booleans, nulls, and what is a string") {
    for (const char* text : {"8.5", ".5", "-.5", "+.5", "1_0.5", ".1_0", ".inf", "-.inf", "+.INF", ".nan", ".NaN",
                             "9223372036854775808", "18446744073709551616", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK(plain_type(text) == PlainType::number);
        CHECK_FALSE(plain_integer(text).has_value());
    }
    for (const char* text : {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"}) {
        CHECK(plain_type(text) == PlainType::boolean);
        CHECK(plain_boolean(text));
    }
    for (const char* text : {"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"}) {
        CHECK(plain_type(text) == PlainType::boolean);
        CHECK_FALSE(plain_boolean(text));
    }
    for (const char* text : {"", "~", "null", "Null", "NULL"})
        CHECK(plain_type(text) == PlainType::null);
    for (const char* text : {"web",        "1a",
                             "1.2.3",      "10.0.0.0/8",
                             "0x",         "0b",
                             "0o",         "0b2",
                             "0o8",        "0xg",
                             "e9",         "1e",
                             "1e-",        "-",
                             "+",          ".",
                             "-.",         ".e1",
                             "++1",        "+-1",
                             "yess",       "yEs",
                             "tRue",       "nUll",
                             "NaN",        "inf",
                             "Infinity",   "0x1p4",
                             "1,000",      "_1",
                             "1:20",       "190:20:30",
                             "2001-01-01", "2001-12-14T21:59:43Z",
                             "1e400",      "=",
                             "+.nan"}) {
        CAPTURE(text);
        CHECK(plain_type(text) == PlainType::string);
    }
}

TEST_CASE("a port is the number that kubectl reads, and it is said where that may surprise") {
    const auto port = [](const std::string& text) {
        const Decoded decoded = decode_port(text);
        CHECK(refusals(decoded).empty());
        REQUIRE(decoded.objects.size() == 1);
        return std::get<uint16_t>(std::get<Policy>(decoded.objects[0].object).ingress.at(0).ports.at(0).port);
    };
    for (const char* text : {"80", "080", "0x50", "0o120", "0120", "0b1010000", "8e1", "80.0", "8_0", "+80"})
        CHECK_MESSAGE(port(text) == 80, text);
    CHECK(decode_port("80").warnings.empty());
    CHECK(messages(decode_port("010").warnings) ==
          Strings{"f:8: NetworkPolicy default/p: spec.ingress[0].ports[0].port: 010 is read as 8, as kubectl reads it; "
                  "write 8"});
    CHECK(refusals(decode_port("8.5")).size() == 1);
    CHECK(refusals(decode_port(".inf")).size() == 1);
}

TEST_CASE("a boolean is what kubectl reads; in quotes it is none") {
    for (const char* text : {"yes", "on", "y", "TRUE"})
        CHECK_MESSAGE(std::get<Pod>(decode_host_network(text).objects.at(0).object).host_network, text);
    for (const char* text : {"no", "off", "N", "False", "~"})
        CHECK_FALSE(std::get<Pod>(decode_host_network(text).objects.at(0).object).host_network);
    for (const char* text : {"\"yes\"", "1", "tRue"})
        CHECK_MESSAGE(decode_host_network(text).objects.empty(), text);
}

TEST_CASE("a key without quotes that is no string is refused: kubectl reads y as \"true\" and 010 as \"8\"") {
    const auto labels = [](const std::string& text) {
        return decode("apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, labels: {" + text + "}}\n", "f");
    };
    for (const char* key : {"y", "on", "True", "010", "1.50", "0x10", "1e3"})
        CHECK_MESSAGE(labels(std::string(key) + ": v").objects.empty(), key);
    for (const char* key : {"'y'", "\"010\"", "123", "web"})
        CHECK_MESSAGE(refusals(labels(std::string(key) + ": v")).empty(), key);
}

TEST_CASE("JSON's numbers: what the API server takes for a whole number") {
    const auto port = [](const std::string& text) {
        return decode(
            "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {\"name\": "
            "\"p\"}, \"spec\": {\"ingress\": [{\"ports\": [{\"port\": " +
                text + "}]}]}}",
            "f");
    };
    CHECK(refusals(port("80")).empty());
    for (const char* text : {"8e1", "80.0", "8.5", "99999999999999999999", "true", "080", "0x50", "1e999"})
        CHECK_MESSAGE(!refusals(port(text)).empty(), text);
}

TEST_CASE("tags may only say what is plain to see") {
    for (const char* text : {"!!int 80", "!!str http", "! http"})
        CHECK_MESSAGE(refusals(decode_port(text)).empty(), text);
    for (const char* text : {"!!int \"80\"", "!!binary aHR0cA==", "!mine http", "!!bool 80", "!!map 80"})
        CHECK_MESSAGE(decode_port(text).unreadable, text);
}
