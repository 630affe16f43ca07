// SPDX-License-Identifier: Apache-2.0
#include "engine/ebpf/opener_rule.h"

#include <algorithm>

namespace catflap::engine {
namespace {

constexpr uint32_t kOpen = CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE;

// As bpf/classify.h does it, from the committer's own copy of what the maps hold.
std::optional<uint32_t> classify(const EbpfEngine& engine, const compile::Table& table, const Address& remote,
                                 uint8_t protocol, uint16_t port) {
    if (table.open())
        return kOpen;
    const compile::Loaded& loaded = engine.loaded();
    const auto known = loaded.addresses.find(remote);
    const compile::ClassNumber class_number =
        known != loaded.addresses.end() ? known->second : engine.datapath().store().cidrs().class_of(remote);
    const auto ports = std::ranges::find(compile::kPortProtocols, static_cast<Protocol>(protocol));
    const uint16_t port_class = ports == compile::kPortProtocols.end()
                                    ? uint16_t{0}
                                    : loaded.ports[static_cast<size_t>(ports - compile::kPortProtocols.begin())][port];
    if (class_number >= table.rows.size() || port_class >= table.columns.size())
        return std::nullopt;
    const size_t cell = size_t{table.rows[class_number]} * table.column_count + table.columns[port_class];
    return cell < table.cells.size() ? std::optional(table.cells[cell]) : std::nullopt;
}

}  // namespace

std::optional<uint32_t> cell_of_opener(const EbpfEngine& engine, const kernel::ConnectionEnd& end, uint8_t protocol) {
    if (end.opener == CATFLAP_OPENER_HOST)
        return kOpen;
    const compile::TablePointer& table = end.endpoint->tables[end.opener];
    if (!table)
        return std::nullopt;
    if (end.opener == CATFLAP_OPENER_TO_POD)
        return classify(engine, *table, end.judged, protocol, end.judged_port);
    const auto by_remote = classify(engine, *table, end.remote, protocol, end.remote_port);
    if (!by_remote || table->open() || (end.judged == end.remote && end.judged_port == end.remote_port))
        return by_remote;
    const auto behind = classify(engine, *table, end.judged, protocol, end.judged_port);
    if (behind && (*behind & CATFLAP_CELL_ALLOW || !(*by_remote & CATFLAP_CELL_ALLOW) ||
                   engine.loaded().addresses.contains(end.judged)))
        return behind;
    return by_remote;
}

}  // namespace catflap::engine
