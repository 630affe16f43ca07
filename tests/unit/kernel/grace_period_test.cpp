// SPDX-License-Identifier: Apache-2.0
#include "kernel/datapath/grace_period.h"

#include <doctest/doctest.h>
#include <poll.h>

using namespace catflap;
using namespace catflap::kernel;

namespace {

bool readable(int fd, int timeout_ms) {
    pollfd poller{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&poller, 1, timeout_ms) == 1;
}

}  // namespace

TEST_CASE("a grace period goes by beside its beginner, and tells him when it is over; one after the other") {
    auto period = GracePeriod::open().value();
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(period.under_way());
        CHECK_FALSE(readable(period.fd(), 0));
        REQUIRE(period.begin());
        CHECK(period.under_way());
        CHECK(readable(period.fd(), 10'000));
        CHECK(period.under_way());  // until it is ended
        CHECK(period.end().has_value());
    }
    CHECK_FALSE(readable(period.fd(), 0));
}
