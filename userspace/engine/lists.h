// SPDX-License-Identifier: Apache-2.0
// What the lists of both engines share: the parts of a row that no engine counts, words of bounded length.
#pragma once

#include <catflap/abi.h>

#include <functional>
#include <string>

#include "engine/view.h"
#include "report/page.h"

namespace catflap::engine {

using report::AllowedAndDropped;
using report::Counted;
using report::CountedByDirection;

// Behind enum catflap_reason: why conntrack alone drops a packet, in iptables mode.
constexpr uint32_t kInvalidState = CATFLAP_REASON_COUNT;

// The part of an endpoint's row that both engines have.
report::EndpointRow endpoint_row(const View& view, const compile::EndpointSpec& spec);

// Policies of the source from the cursor on. count: what one allowed and dropped.
Result<> list_policies(const View& view, report::Page& page,
                       const std::function<CountedByDirection(const PolicyName& policy)>& count);
// Rules in force from the cursor on. count: what one allowed, or dropped.
Result<> list_rules(const View& view, report::Page& page,
                    const std::function<Counted(resolve::Direction direction, const resolve::Rule& rule)>& count);

// Of reasons.def, and kInvalidState.
const char* label_of(uint32_t reason);
report::DropRow drop_row(uint32_t reason, const Counted& dropped);

// "shop/web", ...
std::vector<std::string> texts_of(const std::vector<PolicyName>& names);

inline AllowedAndDropped& of(CountedByDirection& counted, resolve::Direction direction) {
    return direction == resolve::Direction::ingress ? counted.ingress : counted.egress;
}

// The set in words; one of very many blocks is cut, and says so.
std::string brief(const resolve::SourceSet& set);

}  // namespace catflap::engine
