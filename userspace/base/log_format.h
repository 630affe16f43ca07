// SPDX-License-Identifier: Apache-2.0
// A line of the log, for people or for programs.
#pragma once

#include <spdlog/formatter.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace catflap {

// text: 2026-11-28T20:01:28.816 info enforcing for 3 pods
// logfmt: ts=2026-11-28T20:01:28.816Z level=info msg="enforcing for 3 pods"
// json: {"ts":"2026-11-28T20:01:28.816Z","level":"info","msg":"enforcing for 3 pods"}
// The time is local in text, and UTC (RFC 3339) in the others. Those are one line each, whatever is in the
// message.
enum class LogFormat : uint8_t { text, logfmt, json };

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format);

// Between quotes, with \n, \" and \\ for what cannot stand there; bytes that are not UTF-8 as U+FFFD.
std::string in_quotes(std::string_view text);

}  // namespace catflap
