// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame, through the real programs: the same check as tests/kernel/frames_test.cpp. The first byte says
// how the frame comes to the hook. Needs root. The kernel's programs are not instrumented: it is the oracle's branches
// by which the fuzzer finds its way.
#define DOCTEST_CONFIG_IMPLEMENT  // the fixture needs the library, and no test runs here
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernel/frame_check.h"
#include "support/packets/frame_generator.h"

using namespace catflap::test;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static FrameCheck check;
    if (size < 1)
        return 0;
    const Bytes frame(data + 1, data + size);
    if (!FrameCheck::runnable(frame))
        return 0;
    const std::string wrong = check.wrong(kWays.begin()[data[0] % kWays.size()], frame);
    if (!wrong.empty()) {
        std::fprintf(stderr, "%s\n", wrong.c_str());
        std::abort();
    }
    return 0;
}

// Now and then a good frame, so that the corpus needs no files to start from.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    Random random(seed);
    if (!random.chance(3))
        return LLVMFuzzerMutate(data, size, max_size);
    Bytes frame = random_frame(random);
    frame.insert(frame.begin(), static_cast<uint8_t>(random.below(kWays.size())));
    const size_t taken = std::min(frame.size(), max_size);
    std::memcpy(data, frame.data(), taken);
    return taken;
}
