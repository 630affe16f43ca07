// SPDX-License-Identifier: Apache-2.0
// Frames of every kind and every length, good and damaged, against what an independent reading of them says.
#include "kernel/frame_check.h"
#include "support/packets/frame_generator.h"

using namespace catflap;
using namespace catflap::test;

namespace {

constexpr uint64_t kFirstSeed = 1;
constexpr uint64_t kSeeds = 10000;

}  // namespace

TEST_CASE("nothing passes that cannot be read and is not admitted, and no drop goes uncounted") {
    FrameCheck check;
    uint64_t refused = 0;
    for (uint64_t seed = kFirstSeed; seed < kFirstSeed + kSeeds; ++seed) {
        Random random(seed);
        const Bytes frame = damaged(random, random_frame(random));
        if (!FrameCheck::runnable(frame)) {
            ++refused;
            continue;
        }
        for (const Way way : kWays)
            if (const std::string wrong = check.wrong(way, frame); !wrong.empty())
                FAIL_CHECK("seed ", seed, ": ", wrong);
    }
    CHECK(check.flows_left() == 0);
    // Not all of one kind, or the test would prove nothing.
    CHECK(refused < kSeeds / 10);
    CHECK(check.passed() > kSeeds / 2);
    CHECK(check.dropped() > kSeeds / 2);
    MESSAGE(check.passed(), " passed, ", check.dropped(), " dropped");
}

TEST_CASE("the same for frames cut at every length, and with bytes behind their end") {
    FrameCheck check;
    for (uint64_t seed = kFirstSeed; seed < kFirstSeed + 60; ++seed) {
        Random random(seed);
        const Bytes whole = random_frame(random);
        for (size_t bytes = 0; bytes < whole.size() + 16; ++bytes) {
            Bytes frame = whole;
            frame.resize(bytes, 0xcc);
            if (!FrameCheck::runnable(frame))
                continue;
            for (const Way way : kWays)
                if (const std::string wrong = check.wrong(way, frame); !wrong.empty())
                    FAIL_CHECK("seed ", seed, ", ", bytes, " bytes: ", wrong);
        }
    }
    CHECK(check.flows_left() == 0);
}
