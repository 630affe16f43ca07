// SPDX-License-Identifier: Apache-2.0
// What the kernel says of this process, under the names that Prometheus' client libraries give it.
#pragma once

#include <cstdint>

namespace catflap::metrics {

struct ProcessUsage {
    double cpu_s = 0;  // user and system time of all threads
    uint64_t resident_bytes = 0;
    uint64_t open_fds = 0;
    uint64_t threads = 0;
};
ProcessUsage process_usage();

}  // namespace catflap::metrics
