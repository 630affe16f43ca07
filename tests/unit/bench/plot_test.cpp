// SPDX-License-Identifier: Apache-2.0
#include "bench/report/plot.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace catflap::bench;

TEST_CASE("ticks are round numbers that cover the range") {
    CHECK(ticks(0, 10, false) == std::vector<double>{0, 2, 4, 6, 8, 10});
    CHECK(ticks(0, 0.97, false).back() >= 0.97);
    CHECK(ticks(1, 1000, true) == std::vector<double>{1, 10, 100, 1000});
    const auto narrow = ticks(3, 40, true);
    CHECK(narrow.front() <= 3);
    CHECK(narrow.back() >= 40);
    CHECK(std::ranges::is_sorted(narrow));
    CHECK(ticks(5, 5, true).size() >= 2);
}

TEST_CASE("a chart says what it shows, on light and on dark ground") {
    const Chart chart{
        "Cost & more", "policies", "ns each", true, true, {}, {{"ebpf", {{1, 100, 90, 110}, {1000, 105, 0, 0}}}}};
    const std::string svg = to_svg(chart);
    CHECK(svg.find("<svg ") != std::string::npos);
    CHECK(svg.find("</svg>") != std::string::npos);
    for (const char* text : {">Cost &amp; more<", ">policies<", ">ns each<", ">ebpf<", "prefers-color-scheme: dark"})
        CHECK_MESSAGE(svg.find(text) != std::string::npos, text);
    CHECK(std::ranges::count(svg, '<') == std::ranges::count(svg, '>'));
    CHECK(svg.find("nan") == std::string::npos);
}

TEST_CASE("an empty chart is still a picture") {
    CHECK(to_svg({"nothing", "x", "y", true, true, {}, {}}).find("nan") == std::string::npos);
}
