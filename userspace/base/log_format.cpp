// SPDX-License-Identifier: Apache-2.0
#include "base/log_format.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>

#include <nlohmann/json.hpp>

namespace catflap {
namespace {

std::string utc(spdlog::log_clock::time_point time) {
    const auto ms = std::chrono::time_point_cast<std::chrono::milliseconds>(time);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(spdlog::log_clock::to_time_t(time)),
                       ms.time_since_epoch().count() % 1000);
}

class ForPrograms final : public spdlog::formatter {
  public:
    explicit ForPrograms(LogFormat format) : format_(format) {}
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
        const std::string level(spdlog::level::to_string_view(message.level).data());
        const std::string_view text(message.payload.data(), message.payload.size());
        const std::string line =
            format_ == LogFormat::json
                ? fmt::format("{{\"ts\":\"{}\",\"level\":\"{}\",\"msg\":{}}}\n", utc(message.time), level,
                              in_quotes(text))
                : fmt::format("ts={} level={} msg={}\n", utc(message.time), level, in_quotes(text));
        to.append(line.data(), line.data() + line.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<ForPrograms>(format_);
    }

  private:
    LogFormat format_;
};

}  // namespace

std::string in_quotes(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format) {
    if (format == LogFormat::text)
        return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%e %l %v");
    return std::make_unique<ForPrograms>(format);
}

}  // namespace catflap
