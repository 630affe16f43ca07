// SPDX-License-Identifier: Apache-2.0
#include "kernel/maps/cpu_array.h"

#include <charconv>
#include <fstream>

namespace catflap::kernel {

std::optional<uint32_t> parse_cpu_numbers(const std::string& possible) {
    const size_t last = possible.find_last_of(",-");
    const char* begin = possible.data() + (last == std::string::npos ? 0 : last + 1);
    const char* end = possible.data() + possible.size();
    uint32_t highest = 0;
    const auto [stop, error] = std::from_chars(begin, end, highest);
    if (error != std::errc() || stop != end || highest >= 65536)
        return std::nullopt;
    return highest + 1;
}

Result<uint32_t> cpu_numbers() {
    constexpr const char* kFile = "/sys/devices/system/cpu/possible";
    std::ifstream file(kFile);
    std::string line;
    std::getline(file, line);
    if (const auto numbers = parse_cpu_numbers(line))
        return *numbers;
    return fail("read which CPUs there may be from {}: '{}' (is /sys mounted?)", kFile, line);
}

}  // namespace catflap::kernel
