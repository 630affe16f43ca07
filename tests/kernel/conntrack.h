// SPDX-License-Identifier: Apache-2.0
// What nf_conntrack knows, said by a test: frames of BPF_PROG_TEST_RUN pass none of the kernel's hooks.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "support/kernel/tracker.h"

namespace catflap::test {

// The entries of this network namespace, for as long as it lives.
class Conntrack {
  public:
    Conntrack() { forget(); }
    ~Conntrack() { forget(); }

    static void forget() { REQUIRE(std::system("conntrack -F >/dev/null 2>&1") == 0); }
    // opener and other: "-s ADDRESS ..." as conntrack(8) takes it.
    static void know(const std::string& entry, const std::string& protocol = "tcp --state ESTABLISHED") {
        const std::string command = fmt::format(
            "conntrack -D -p {1} {0} >/dev/null 2>&1; conntrack -I -p {1} {0} -t 60 -u SEEN_REPLY >/dev/null 2>&1",
            entry, protocol);
        REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
        Tracker().set_tcp_flags(0);  // conntrack(8) makes entries as if they had been picked up in the middle
    }
};

}  // namespace catflap::test
