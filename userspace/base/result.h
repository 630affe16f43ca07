// SPDX-License-Identifier: Apache-2.0
// Expected failures are values. Every layer adds the phrase that it knows:
// "attach cali12ab: create tcx link: Operation not permitted".
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace catflap {

// A failure: an errno (0 where none applies) and a sentence whose last part is the cause.
struct Error {
    int code = 0;
    std::string message;
};

// A class of its own, not an alias, so that a dropped result is a warning (and warnings are errors).
template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  public:
    using tl::expected<T, Error>::expected;
};

// Fails with a sentence of our own.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected(Error{0, fmt::format(format, std::forward<Args>(args)...)});
}

// Fails with what the system answered: appends strerror(code). Pass errno, or libbpf's negated return value.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail_errno(int code, fmt::format_string<Args...> format, Args&&... args) {
    const int positive = code < 0 ? -code : code;
    return tl::unexpected(Error{
        positive, fmt::format("{}: {}", fmt::format(format, std::forward<Args>(args)...), std::strerror(positive))});
}

// Passes a failure on, with what we were doing in front of it.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail_because(const Error& cause, fmt::format_string<Args...> format,
                                                 Args&&... args) {
    return tl::unexpected(
        Error{cause.code, fmt::format("{}: {}", fmt::format(format, std::forward<Args>(args)...), cause.message)});
}

}  // namespace catflap
