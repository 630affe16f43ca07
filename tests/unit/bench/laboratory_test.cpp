// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/laboratory.h"

#include <doctest/doctest.h>

TEST_CASE("an owner is a process and its start time, whatever the program is called") {
    const std::string stat =
        "42 (a) name (x) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 43220 13360 18446744073709551615";
    CHECK(catflap::bench::owner_of(42, stat) == "42 987654");
}
