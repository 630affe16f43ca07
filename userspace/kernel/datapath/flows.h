// SPDX-License-Identifier: Apache-2.0
// The flow cache as a list, and connections of the kernel's conntrack put into it.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/result.h"
#include "compile/plan/loaded.h"

namespace catflap::kernel {

// visit returns false to stop. now_ns: the datapath's clock.
uint64_t flow_clock_ns();
void for_each_flow(int flows_fd, const std::function<bool(const catflap_flow_key&, const catflap_flow&)>& visit);

// The entry with this key; nothing: there is none.
std::optional<catflap_flow> find_flow(int flows_fd, const catflap_flow_key& key);

// Any question makes the kernel load nf_conntrack, where it is a module (nfnetlink_rcv_msg). Without it programs have
// no way into it.
void wake_conntrack();

// First start on a busy node: every connection of nf_conntrack that has an end on one of these endpoints becomes a
// flow that has not been judged yet, opened by whoever opened it. Returns how many. A kernel without nf_conntrack has
// none. tracked: nf_conntrack is the flow table of TCP and UDP, so of these only what has flows all the same.
Result<size_t> adopt_conntrack(int flows_fd, const std::map<uint32_t, compile::LoadedEndpoint>& endpoints,
                               bool tracked);

}  // namespace catflap::kernel
