// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <memory>

// Has no extern "C" of its own in some versions, and uses C++'s keywords in none.
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "bench/lab/process.h"

namespace catflap::bench {

InNamespace::InNamespace(const std::string& netns) {
    before_.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const UniqueFd target(open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC));
    if (!before_ || !target || setns(target.get(), CLONE_NEWNET) != 0) {
        entered_ = fail_errno(errno, "enter network namespace {}", netns);
        before_.reset();
    }
}

InNamespace::~InNamespace() {
    if (before_ && setns(before_.get(), CLONE_NEWNET) != 0)
        std::abort();  // whatever came next would happen in the wrong place
}

Result<> set_sysctls(const std::string& netns, const std::map<std::string, std::string>& values) {
    const InNamespace inside(netns);
    if (!inside.entered())
        return inside.entered();
    for (const auto& [name, value] : values)
        if (auto done = write_text("/proc/sys/net/" + name, value); !done)
            return done;
    return {};
}

Result<> flush_conntrack(const std::string& netns) {
    const InNamespace inside(netns);
    if (!inside.entered())
        return inside.entered();
    const std::unique_ptr<nfct_handle, int (*)(nfct_handle*)> handle(nfct_open(CONNTRACK, 0), nfct_close);
    const uint32_t family = AF_INET;
    if (!handle || nfct_query(handle.get(), NFCT_Q_FLUSH, &family) != 0)
        return fail_errno(errno, "flush the connections of {}", netns);
    return {};
}

}  // namespace catflap::bench
