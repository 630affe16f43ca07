// SPDX-License-Identifier: Apache-2.0
// What the kernel's verifier has to do for each program: it decides how long an agent's start takes.
#include <bpf/bpf.h>

#include "kernel/fixture.h"

using namespace catflap;
using namespace catflap::test;

// The limit is 1,000,000 (kernel 5.2). A function that is verified anew on every path to it has once cost 400,000.
TEST_CASE("each program is verified in at most 60,000 instructions") {
    Shop shop("", {.tracked = true, .redirects = true});
    for (const int program : {shop.lab.datapath().from_pod_fd(), shop.lab.datapath().to_pod_fd()}) {
        bpf_prog_info info{};
        uint32_t bytes = sizeof(info);
        REQUIRE(bpf_obj_get_info_by_fd(program, &info, &bytes) == 0);
        if (info.verified_insns == 0) {
            MESSAGE("this kernel does not tell (5.16 and newer do)");
            continue;
        }
        CHECK(info.verified_insns > 1000);
        CHECK(info.verified_insns < 60000);
    }
}
