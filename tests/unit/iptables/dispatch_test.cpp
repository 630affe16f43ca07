// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "iptables/render/chains.h"

using namespace catflap::iptables;

namespace {

// "cali-from-wl-dispatch: -i cali1 -g ...", a line each.
std::vector<std::string> lines(const std::vector<Chain>& chains) {
    std::vector<std::string> result;
    for (const Chain& chain : chains)
        for (const HashedRule& rule : chain.rules)
            result.push_back(chain.name + " " + rule.text);
    return result;
}

const std::string kDrop = " -m comment --comment \"Unknown interface\" -j DROP";

}  // namespace

TEST_CASE("a node without pods drops what comes from any interface") {
    CHECK(lines(dispatch_chains(kFromPod, {})) == std::vector<std::string>{"cali-from-wl-dispatch" + kDrop});
}

TEST_CASE("one interface stands in the root") {
    CHECK(lines(dispatch_chains(kToPod, {"caliabc"})) ==
          std::vector<std::string>{"cali-to-wl-dispatch -o caliabc -g cali-tw-caliabc", "cali-to-wl-dispatch" + kDrop});
}

TEST_CASE("the common prefix is stripped; a character with several interfaces has a child chain") {
    CHECK(lines(dispatch_chains(kFromPod, {"cali1", "calid2", "calid1"})) ==
          std::vector<std::string>{"cali-from-wl-dispatch-d -i calid1 -g cali-fw-calid1",
                                   "cali-from-wl-dispatch-d -i calid2 -g cali-fw-calid2",
                                   "cali-from-wl-dispatch-d" + kDrop, "cali-from-wl-dispatch -i cali1 -g cali-fw-cali1",
                                   "cali-from-wl-dispatch -i calid+ -g cali-from-wl-dispatch-d",
                                   "cali-from-wl-dispatch" + kDrop});
    CHECK(lines(dispatch_chains(kFromPod, {"calid1", "calid2"})) ==
          std::vector<std::string>{"cali-from-wl-dispatch -i calid1 -g cali-fw-calid1",
                                   "cali-from-wl-dispatch -i calid2 -g cali-fw-calid2",
                                   "cali-from-wl-dispatch" + kDrop});
}

TEST_CASE("an interface whose name is the beginning of others keeps its own entry") {
    CHECK(lines(dispatch_chains(kFromPod, {"cali1", "cali12", "cali13"})) ==
          std::vector<std::string>{
              "cali-from-wl-dispatch -i cali1 -g cali-fw-cali1", "cali-from-wl-dispatch -i cali12 -g cali-fw-cali12",
              "cali-from-wl-dispatch -i cali13 -g cali-fw-cali13", "cali-from-wl-dispatch" + kDrop});
}
