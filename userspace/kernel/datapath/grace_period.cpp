// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/grace_period.h"

#include <linux/membarrier.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <system_error>

namespace catflap::kernel {

Result<> wait_for_packets() {
    // MEMBARRIER_CMD_GLOBAL is synchronize_rcu() (kernel/sched/membarrier.c).
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
        return {};
    // With nohz_full the kernel refuses it. A grace period is a matter of milliseconds; this is no proof, but generous.
    if (errno != EINVAL)
        return fail_errno(errno, "wait for the packets under way (membarrier)");
    usleep(200'000);
    return {};
}

Result<GracePeriod> GracePeriod::open() {
    UniqueFd over(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!over)
        return fail_errno(errno, "open an event descriptor");
    return GracePeriod(std::move(over));
}

Result<> GracePeriod::begin() try {
    waiting_ = std::async(std::launch::async, [over = over_.get()] {
        auto done = wait_for_packets();
        eventfd_write(over, 1);
        return done;
    });
    return {};
} catch (const std::system_error& error) {
    return fail("start a thread that waits for a grace period: {}", error.what());
}

Result<> GracePeriod::end() {
    auto done = waiting_.get();
    eventfd_t count = 0;
    eventfd_read(over_.get(), &count);
    return done;
}

}  // namespace catflap::kernel
