// SPDX-License-Identifier: Apache-2.0
// Line charts as SVG, readable on light and on dark ground. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace catflap::bench {

struct Point {
    double x = 0;
    double y = 0;
    double low = 0;  // of the confidence interval
    double high = 0;
};

struct Line {
    std::string name;
    std::vector<Point> points;
    bool joined = true;  // false: points alone
};

struct Chart {
    std::string title;
    std::string x_label;  // with its unit
    std::string y_label;
    bool log_x = false;
    bool log_y = false;
    std::vector<std::pair<double, std::string>> x_ticks;  // empty: chosen by the range
    std::vector<Line> lines;
};

std::string to_svg(const Chart& chart);

// Ticks that people read easily: 1, 2, 5 times a power of ten; logarithmic: powers of ten, with 2 and 5 where there are
// few. They cover the range.
std::vector<double> ticks(double low, double high, bool logarithmic);

}  // namespace catflap::bench
