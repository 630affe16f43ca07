// SPDX-License-Identifier: Apache-2.0
// The columns of every kind, in one place. docs/cli.md documents the fields.
#include <algorithm>

#include "cli/render.h"

namespace catflap::cli {
namespace {

constexpr bool kWide = true;

const Kind kEndpoints{report::Kind::endpoints,
                      {{"INTERFACE", "interface"},
                       {"IFINDEX", "ifindex", Cell::exact, kWide},
                       {"NAMESPACE", "namespace"},
                       {"POD", "pod"},
                       {"UID", "uid", Cell::text, kWide},
                       {"ADDRESSES", "addresses", Cell::list},
                       {"STATE", "state", Cell::state},
                       {"SLOT", "slot", Cell::exact, kWide},
                       {"GENERATION", "generation", Cell::exact, kWide},
                       {"ATTACHED", "attachedBy", Cell::text, kWide},
                       {"INGRESS", "ingressPolicies", Cell::isolation},
                       {"EGRESS", "egressPolicies", Cell::isolation},
                       {"ALLOWED", "allowedPackets", Cell::count},
                       {"DROPPED", "droppedPackets", Cell::count, !kWide, "WOULD-DROP"},
                       {"ALLOWED-BYTES", "allowedBytes", Cell::bytes, kWide},
                       {"DROPPED-BYTES", "droppedBytes", Cell::bytes, kWide, "WOULD-DROP-BYTES"},
                       {"FROM-POD", "fromPod/allowedPackets", Cell::count, kWide},
                       {"FROM-POD-DROPPED", "fromPod/droppedPackets", Cell::count, kWide, "FROM-POD-WOULD-DROP"},
                       {"TO-POD", "toPod/allowedPackets", Cell::count, kWide},
                       {"TO-POD-DROPPED", "toPod/droppedPackets", Cell::count, kWide, "TO-POD-WOULD-DROP"}}};

const Kind kPolicies{report::Kind::policies,
                     {{"KIND", "kind", Cell::text, kWide},
                      {"NAMESPACE", "namespace"},
                      {"NAME", "name"},
                      {"TIER", "tier"},
                      {"RANK", "rank", Cell::exact},
                      {"PRIORITY", "priority", Cell::exact, kWide},
                      {"DIRECTIONS", "directions", Cell::list},
                      {"ENDPOINTS", "endpoints", Cell::count},
                      {"RULES", "rules", Cell::count},
                      {"ALLOWED", "allowedPackets", Cell::count},
                      {"DROPPED", "droppedPackets", Cell::count, !kWide, "WOULD-DROP"},
                      {"ALLOWED-BYTES", "allowedBytes", Cell::bytes, kWide},
                      {"DROPPED-BYTES", "droppedBytes", Cell::bytes, kWide, "WOULD-DROP-BYTES"}}};

const Kind kRules{report::Kind::rules,
                  {{"KIND", "policyKind", Cell::text, kWide},
                   {"NAMESPACE", "policyNamespace"},
                   {"POLICY", "policy"},
                   {"DIRECTION", "direction"},
                   {"RULE", "index", Cell::exact},
                   {"ACTION", "action"},
                   {"PEERS", "peers", Cell::list},
                   {"PORTS", "ports", Cell::list},
                   {"ENDPOINTS", "endpoints", Cell::count},
                   {"ALLOWED", "allowedPackets", Cell::count},
                   {"DROPPED", "droppedPackets", Cell::count, !kWide, "WOULD-DROP"},
                   {"ALLOWED-BYTES", "allowedBytes", Cell::bytes, kWide},
                   {"DROPPED-BYTES", "droppedBytes", Cell::bytes, kWide, "WOULD-DROP-BYTES"}}};

const Kind kSets{report::Kind::sets,
                 {{"NAME", "name"},
                  {"KIND", "kind"},
                  {"CLASSES", "classes", Cell::list},
                  {"ADDRESSES", "addresses", Cell::count},
                  {"MEMBERS", "members", Cell::list, kWide}}};

const Kind kFlows{report::Kind::flows,
                  {{"NAMESPACE", "namespace"},
                   {"POD", "pod"},
                   {"INTERFACE", "interface", Cell::text, kWide},
                   {"PORT", "localPort", Cell::exact},
                   {"REMOTE", "remote"},
                   {"PORT", "remotePort", Cell::exact},
                   {"PROTOCOL", "protocol"},
                   {"OPENER", "opener"},
                   {"STATE", "state"},
                   {"IDLE", "idleSeconds", Cell::seconds},
                   {"EXPIRES", "expiresInSeconds", Cell::seconds},
                   {"GENERATION", "generation", Cell::exact, kWide},
                   {"STALE", "stale", Cell::text, kWide},
                   {"RULE", "rule", Cell::text, kWide}}};

const Kind kDrops{report::Kind::drops,
                  {{"REASON", "reason"},
                   {"PACKETS", "packets", Cell::count, !kWide, "WOULD-DROP"},
                   {"BYTES", "bytes", Cell::bytes},
                   {"MEANING", "sentence", Cell::sentence}}};

const Kind kMaps{report::Kind::maps,
                 {{"NAME", "name"},
                  {"TYPE", "type"},
                  {"KEY-BYTES", "keyBytes", Cell::exact, kWide},
                  {"VALUE-BYTES", "valueBytes", Cell::exact, kWide},
                  {"ENTRIES", "entries", Cell::count},
                  {"MAX", "maxEntries", Cell::count},
                  {"FILL", "", Cell::fill},
                  {"MEMORY", "memoryBytes", Cell::bytes},
                  {"NOTE", "note", Cell::sentence},
                  {"PINNED", "pinned", Cell::text, kWide}}};

}  // namespace

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{kEndpoints, kPolicies, kRules, kSets, kFlows, kDrops, kMaps};
    return all;
}

const Kind& kind_of(report::Kind kind) {
    return *std::find_if(kinds().begin(), kinds().end(), [kind](const Kind& one) { return one.kind == kind; });
}

std::vector<Column> columns_of(report::Kind kind, bool wide, bool audit) {
    std::vector<Column> columns = kind_of(kind).columns;
    std::erase_if(columns, [wide](const Column& column) { return column.only_wide && !wide; });
    for (Column& column : columns)
        if (audit && !column.audit_title.empty())
            column.title = column.audit_title;
    return columns;
}

}  // namespace catflap::cli
