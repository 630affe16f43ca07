// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "cli/app.h"

namespace {

// https://no-color.org
bool wants_colours() {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
}

// 0: the output is no terminal, and nothing is cut.
size_t terminal_width() {
    constexpr size_t kUnknown = 110;
    winsize size{};
    if (isatty(STDOUT_FILENO) == 0)
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUnknown;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace catflap::cli;
    return run(
        {argv + 1, argv + argc},
        {.in = std::cin, .out = std::cout, .err = std::cerr, .colours = wants_colours(), .width = terminal_width()});
}
