// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/interrupt.h"

#include <csignal>

namespace catflap::bench {
namespace {

volatile std::sig_atomic_t stopped = 0;

}  // namespace

void catch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { stopped = 1; };
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaction(signal, &action, nullptr);
}

bool stop_requested() {
    return stopped != 0;
}

}  // namespace catflap::bench
