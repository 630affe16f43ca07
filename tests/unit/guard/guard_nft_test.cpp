// SPDX-License-Identifier: Apache-2.0
// The text of the guard's nftables rules.
#include "guard/guard_nft.h"

#include <catflap/abi.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace catflap::guard;

TEST_CASE("each prefix of pods' interfaces is closed in both directions, and towards the node") {
    const auto prefixes = catflap::InterfacePrefixes::parse("azv,cali").value();
    const std::string text = guard_table_commands(GuardScope::unjudged, prefixes);
    for (const char* prefix : {"azv", "cali"})
        for (const char* rule : {"forwarded iifgroup != {} iifname \"{}*\" counter name unjudged drop\n",
                                 "forwarded oifgroup != {} oifname \"{}*\" counter name unjudged drop\n",
                                 "to_node iifgroup != {} iifname \"{}*\" jump pod_to_node\n"})
            CHECK(text.find(fmt::format(fmt::runtime(rule), int{CATFLAP_GROUP_JUDGED}, prefix)) != std::string::npos);
}

TEST_CASE("a closed pod may send what keeps its link alive, and nothing that only routers send") {
    const std::string text = guard_table_commands(GuardScope::closed, {});
    CHECK(text.find("ip6 hoplimit 255 icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } "
                    "accept\n") != std::string::npos);
    CHECK(text.find("ip6 hoplimit 1 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, "
                    "mld2-listener-report } accept\n") != std::string::npos);
    CHECK(text.find("nd-router-advert") == std::string::npos);
    CHECK(text.find("nd-redirect") == std::string::npos);
}
