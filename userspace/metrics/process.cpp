// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace catflap::metrics {
namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

uint64_t count_entries(const char* directory) {
    std::error_code error;
    uint64_t count = 0;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error))
        ++count;
    return count;
}

}  // namespace

ProcessUsage process_usage() {
    ProcessUsage usage;
    rusage used{};
    if (getrusage(RUSAGE_SELF, &used) == 0)
        usage.cpu_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    uint64_t size_pages = 0;
    uint64_t resident_pages = 0;
    if (std::ifstream statm("/proc/self/statm"); statm >> size_pages >> resident_pages)
        usage.resident_bytes = resident_pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    usage.open_fds = count_entries("/proc/self/fd");
    usage.threads = count_entries("/proc/self/task");
    return usage;
}

}  // namespace catflap::metrics
