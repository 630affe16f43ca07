// SPDX-License-Identifier: Apache-2.0
// Random clusters, and commits between the pieces of a comparison: they are no differences.
#include <doctest/doctest.h>

#include "compile/verify/comparison.h"
#include "support/executors/simulated_view.h"
#include "support/executors/tables_executor.h"
#include "support/random/generator.h"
#include "support/random/random.h"

using namespace catflap;
using namespace catflap::test;
using compile::Comparison;
using compile::Part;

TEST_CASE("whatever is committed between two pieces of a pass, nothing differs") {
    constexpr uint64_t kSeeds = 40;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        CAPTURE(seed);
        Generator generator(seed);
        Random random(seed);
        Cluster cluster = generator.cluster();
        SimulatedNode node;
        SimulatedView view(node.store());
        REQUIRE(node.load(cluster));
        Comparison comparison(node.committer(), node.store(), view, random.chance(50));
        while (!comparison.step({})) {
            if (!random.chance(10))
                continue;
            generator.mutate(cluster);
            REQUIRE(node.load(cluster));
            ++view.writes;
            if (random.chance(50))
                REQUIRE(node.collect());
        }
        for (const compile::Difference& one : comparison.findings().differences)
            if (one.part != Part::local_addresses)  // which the simulation does not keep
                FAIL_CHECK(compile::kPartNames[static_cast<size_t>(one.part)], ": ", one.object, ": ", one.expected,
                           " expected, ", one.found, " found");
        CHECK(node.store().violations().empty());
    }
}
