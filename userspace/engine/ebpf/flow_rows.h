// SPDX-License-Identifier: Apache-2.0
// What is shown of a flow: of one in the map `flows`, and of a connection that nf_conntrack has.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/ebpf/ebpf_engine.h"
#include "kernel/datapath/connections.h"
#include "report/page.h"

namespace catflap::engine {

class FlowRows {
  public:
    // Of the endpoints that the page asks for.
    FlowRows(const EbpfEngine& engine, report::Page& page);

    // Nothing: not asked for, or what the datapath would not take for a flow either.
    [[nodiscard]] std::optional<report::FlowRow> row(const catflap_flow_key& key, const catflap_flow& flow) const;
    // At each end that is asked for, and whose policies admit the connection.
    [[nodiscard]] std::vector<report::FlowRow> rows(const kernel::Connection& connection,
                                                    const kernel::LocalEnds& ends) const;

  private:
    [[nodiscard]] bool is_live(const catflap_flow_key& key, const catflap_flow& flow,
                               const compile::LoadedEndpoint& pod) const;
    [[nodiscard]] bool has_flow(const kernel::ConnectionEnd& end, uint8_t protocol) const;

    const EbpfEngine& engine_;
    uint64_t now_ns_;
    bool tracked_;
    std::unordered_map<uint32_t, const compile::LoadedEndpoint*> by_slot_;
};

}  // namespace catflap::engine
