// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/libbpf_log.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>

namespace catflap::kernel {
namespace {

int collect_log(libbpf_print_level level, const char* format, va_list arguments) {
    std::array<char, 4096> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    if (level == LIBBPF_DEBUG)
        return 0;
    std::string& log = libbpf_log();
    log += line.data();
    constexpr size_t kKept = 16384;
    if (log.size() > kKept)
        log.erase(0, log.size() - kKept);
    return 0;
}

}  // namespace

void keep_libbpf_log() {
    libbpf_set_print(collect_log);
}

std::string& libbpf_log() {
    static std::string log;
    return log;
}

std::string last_line_of(std::string log) {
    while (log.ends_with('\n'))
        log.pop_back();
    return log.substr(log.find_last_of('\n') + 1);  // npos + 1 is 0
}

}  // namespace catflap::kernel
