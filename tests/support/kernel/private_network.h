// SPDX-License-Identifier: Apache-2.0
// A network namespace for one test.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace catflap::test {

// A network namespace of our own for one test; the machine's own interfaces are never in reach.
class PrivateNetwork {
  public:
    static std::optional<PrivateNetwork> make() {
        UniqueFd before(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        if (!before || unshare(CLONE_NEWNET) != 0) {
            MESSAGE("not tested: a network namespace needs root");
            return std::nullopt;
        }
        // Else an interface's link-local address would come a second after it, at any time.
        std::ofstream("/proc/sys/net/ipv6/conf/default/addr_gen_mode") << 1;
        return PrivateNetwork(std::move(before));
    }
    PrivateNetwork(PrivateNetwork&&) = default;
    ~PrivateNetwork() {
        if (before_ && setns(before_.get(), CLONE_NEWNET) != 0)
            std::abort();
    }

    // Lines as `ip -batch` takes them.
    static void ip(const std::string& lines) {
        FILE* pipe = popen("ip -batch -", "w");
        REQUIRE(pipe != nullptr);
        std::fputs(lines.c_str(), pipe);
        REQUIRE(pclose(pipe) == 0);
    }
    static void add_veth(const std::string& name) {
        ip(fmt::format("link add {0} type veth peer name p{0}\nlink set {0} up\n", name));
    }

  private:
    explicit PrivateNetwork(UniqueFd before) : before_(std::move(before)) {}
    UniqueFd before_;
};

}  // namespace catflap::test
