// SPDX-License-Identifier: Apache-2.0
#include "bench/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bench/lab/mode.h"
#include "bench/measure/statistics.h"

namespace catflap::bench {
namespace {

constexpr double kWidth = 760;
constexpr double kHeight = 420;
constexpr double kLeft = 76;
constexpr double kRight = 172;  // the legend
constexpr double kTop = 44;
constexpr double kBottom = 56;

// Told apart with every common colour blindness (Okabe and Ito, 2008), and on both grounds.
const char* colour_of(const std::string& name, size_t index) {
    static const std::map<std::string, const char*> colours = {
        {kNone, "#8a8a8a"}, {kControl, "#bdbdbd"}, {kEbpf, "#0072b2"},
        {kFast, "#009e73"}, {kLegacy, "#e69f00"},  {kNft, "#d55e00"},
    };
    constexpr const char* kOthers[] = {"#cc79a7", "#56b4e9", "#f0e442"};
    const auto found = colours.find(name);
    return found != colours.end() ? found->second : kOthers[index % std::size(kOthers)];
}

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text)
        result += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    return result;
}

class Axis {
  public:
    Axis(double low, double high, bool logarithmic, double from, double to)
        : logarithmic_(logarithmic), low_(scaled(low)), high_(scaled(high)), from_(from), to_(to) {}
    [[nodiscard]] double place(double value) const {
        return high_ == low_ ? (from_ + to_) / 2 : from_ + (scaled(value) - low_) / (high_ - low_) * (to_ - from_);
    }

  private:
    [[nodiscard]] double scaled(double value) const {
        return logarithmic_ ? std::log10(std::max(value, 1e-12)) : value;
    }
    bool logarithmic_;
    double low_;
    double high_;
    double from_;
    double to_;
};

struct Range {
    double low = 0;
    double high = 1;
};

template <class Low, class High>
Range range_of(const Chart& chart, Low low, High high) {
    Range range{1e300, -1e300};
    for (const Line& line : chart.lines)
        for (const Point& point : line.points) {
            range.low = std::min(range.low, low(point));
            range.high = std::max(range.high, high(point));
        }
    return range.low > range.high ? Range{} : range;
}

constexpr const char* kStyle = R"(<style>
text { font: 13px system-ui, sans-serif; fill: #222 }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #ddd }
.axis { stroke: #888 }
.ground { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .grid { stroke: #3a3a3a } .axis { stroke: #999 } .ground { fill: #161616 }
}
</style>
)";

std::string text_at(double x, double y, const char* anchor, const std::string& text, const std::string& more = "") {
    return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
                       escaped(text));
}

std::string line_svg(const Line& line, size_t index, const Axis& x, const Axis& y) {
    const char* colour = colour_of(line.name, index);
    std::string svg;
    std::string path;
    for (const Point& point : line.points) {
        const double at = x.place(point.x);
        path += fmt::format("{}{:.1f} {:.1f} ", path.empty() ? "M" : "L", at, y.place(point.y));
        if (point.high > point.low)
            svg += fmt::format(
                "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke=\"{3}\" stroke-opacity=\".5\" stroke-width=\"4\"/>\n", at,
                y.place(point.low), y.place(point.high), colour);
        svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"/>\n", at, y.place(point.y),
                           line.joined ? 3 : 4, colour);
    }
    if (line.joined && !path.empty())
        svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path, colour);
    const double top = kTop + 8 + 22 * static_cast<double>(index);
    svg +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n", kWidth - kRight + 18, top, colour);
    return svg + text_at(kWidth - kRight + 30, top + 4, "start", line.name);
}

}  // namespace

std::vector<double> ticks(double low, double high, bool logarithmic) {
    std::vector<double> result;
    if (logarithmic) {
        low = std::max(low, 1e-9);
        const int first = static_cast<int>(std::floor(std::log10(low)));
        const int last = std::max(first + 1, static_cast<int>(std::ceil(std::log10(std::max(high, low)) - 1e-9)));
        for (int power = first; power <= last; ++power)
            for (const double factor : {1.0, 2.0, 5.0})
                if (factor == 1 || (last - first <= 2 && power < last))
                    result.push_back(factor * std::pow(10, power));
        // No more room than the range needs.
        while (result.size() > 2 && result[1] <= low)
            result.erase(result.begin());
        while (result.size() > 2 && result[result.size() - 2] >= high)
            result.pop_back();
        return result;
    }
    const double span = high > low ? high - low : std::max(1.0, std::abs(high));
    const double rough = span / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double step = rough / power < 1.5   ? power
                        : rough / power < 3.5 ? 2 * power
                        : rough / power < 7.5 ? 5 * power
                                              : 10 * power;
    const double first = std::floor(low / step) * step;
    for (int i = 0; result.empty() || result.back() < high; ++i)
        result.push_back(first + i * step);
    return result;
}

std::string to_svg(const Chart& chart) {
    const Range xs = range_of(
        chart, [](const Point& p) { return p.x; }, [](const Point& p) { return p.x; });
    Range ys = range_of(
        chart, [](const Point& p) { return p.high > p.low ? p.low : p.y; },
        [](const Point& p) { return p.high > p.low ? p.high : p.y; });
    if (!chart.log_y)
        ys.low = std::min(0.0, ys.low);  // a cost's length is what is compared
    const auto y_ticks = ticks(ys.low, ys.high, chart.log_y);
    auto x_ticks = chart.x_ticks;
    if (x_ticks.empty())
        for (const double value : ticks(xs.low, xs.high, chart.log_x))
            x_ticks.emplace_back(value, three_digits(value));
    const Axis x(std::min(x_ticks.front().first, xs.low), std::max(x_ticks.back().first, xs.high), chart.log_x, kLeft,
                 kWidth - kRight);
    const Axis y(y_ticks.front(), y_ticks.back(), chart.log_y, kHeight - kBottom, kTop);

    std::string svg = fmt::format(
        "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">\n"
        "<title>{2}</title>\n{3}<rect class=\"ground\" width=\"{0}\" height=\"{1}\"/>\n",
        kWidth, kHeight, escaped(chart.title), kStyle);
    svg += text_at(kLeft, 24, "start", chart.title, " class=\"title\"");
    for (const double value : y_ticks) {
        svg +=
            fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>\n", kLeft, y.place(value), kWidth - kRight);
        svg += text_at(kLeft - 8, y.place(value) + 4, "end", three_digits(value));
    }
    for (const auto& [value, name] : x_ticks) {
        svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>\n", x.place(value), kTop,
                           kHeight - kBottom);
        svg += text_at(x.place(value), kHeight - kBottom + 18, "middle", name);
    }
    svg += fmt::format("<path class=\"axis\" fill=\"none\" d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\"/>\n", kLeft, kTop,
                       kHeight - kBottom, kWidth - kRight);
    svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 14, "middle", chart.x_label);
    svg += text_at(18, (kTop + kHeight - kBottom) / 2, "middle", chart.y_label,
                   fmt::format(" transform=\"rotate(-90 18 {:.1f})\"", (kTop + kHeight - kBottom) / 2));
    for (size_t i = 0; i < chart.lines.size(); ++i)
        svg += line_svg(chart.lines[i], i, x, y);
    return svg + "</svg>\n";
}

}  // namespace catflap::bench
