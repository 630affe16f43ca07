// SPDX-License-Identifier: Apache-2.0
// Network namespaces. A socket belongs to the namespace in which it was made, so one thread can hold both ends of a
// connection between two pods.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace catflap::bench {

// While it lives, the calling thread is in that namespace.
class InNamespace {
  public:
    explicit InNamespace(const std::string& netns);
    ~InNamespace();
    InNamespace(const InNamespace&) = delete;
    InNamespace& operator=(const InNamespace&) = delete;

    // Why the thread is where it was before.
    [[nodiscard]] const Result<>& entered() const { return entered_; }

  private:
    UniqueFd before_;
    Result<> entered_;
};

// name = value for /proc/sys/net/..., in a namespace.
Result<> set_sysctls(const std::string& netns, const std::map<std::string, std::string>& values);

// Forgets every connection that the namespace's conntrack knows.
Result<> flush_conntrack(const std::string& netns);

}  // namespace catflap::bench
