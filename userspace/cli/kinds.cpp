// SPDX-License-Identifier: Apache-2.0
// The columns of every kind, in one place. docs/cli.md documents the fields.
#include <algorithm>

#include "cli/render.h"

namespace catflap::cli {
namespace {

constexpr bool kWide = true;

const Kind kEndpoints{"endpoints",
                      "one local pod's veth, and what passed it",
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
                       {"DROPPED", "droppedPackets", Cell::count},
                       {"ALLOWED-BYTES", "allowedBytes", Cell::bytes, kWide},
                       {"DROPPED-BYTES", "droppedBytes", Cell::bytes, kWide},
                       {"FROM-POD", "fromPod/allowedPackets", Cell::count, kWide},
                       {"FROM-POD-DROPPED", "fromPod/droppedPackets", Cell::count, kWide},
                       {"TO-POD", "toPod/allowedPackets", Cell::count, kWide},
                       {"TO-POD-DROPPED", "toPod/droppedPackets", Cell::count, kWide}}};

const Kind kPolicies{"policies",
                     "one policy, the local endpoints that it selects, and its packets",
                     {{"KIND", "kind", Cell::text, kWide},
                      {"NAMESPACE", "namespace"},
                      {"NAME", "name"},
                      {"DIRECTIONS", "directions", Cell::list},
                      {"ENDPOINTS", "endpoints", Cell::count},
                      {"RULES", "rules", Cell::count},
                      {"ALLOWED", "allowedPackets", Cell::count},
                      {"DROPPED", "droppedPackets", Cell::count},
                      {"ALLOWED-BYTES", "allowedBytes", Cell::bytes, kWide},
                      {"DROPPED-BYTES", "droppedBytes", Cell::bytes, kWide}}};

const Kind kRules{"rules",
                  "one rule of a policy, its peers and ports in words, and what it admitted",
                  {{"NAMESPACE", "policyNamespace"},
                   {"POLICY", "policy"},
                   {"DIRECTION", "direction"},
                   {"RULE", "index", Cell::exact},
                   {"PEERS", "peers", Cell::list},
                   {"PORTS", "ports", Cell::list},
                   {"ENDPOINTS", "endpoints", Cell::count},
                   {"ALLOWED", "allowedPackets", Cell::count},
                   {"ALLOWED-BYTES", "allowedBytes", Cell::bytes, kWide}}};

const Kind kSets{"sets",
                 "one source set: a distinct peer of the rules, and the addresses that it stands for",
                 {{"NAME", "name"},
                  {"KIND", "kind"},
                  {"CLASSES", "classes", Cell::list},
                  {"ADDRESSES", "addresses", Cell::count},
                  {"MEMBERS", "members", Cell::list, kWide}}};

const Kind kFlows{"flows",
                  "one live flow: a connection, or a datagram exchange, of a local pod",
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

const Kind kDrops{"drops",
                  "one reason for which packets were dropped",
                  {{"REASON", "reason"},
                   {"PACKETS", "packets", Cell::count},
                   {"BYTES", "bytes", Cell::bytes},
                   {"MEANING", "sentence", Cell::sentence}}};

const Kind kMaps{"maps",
                 "one map in the kernel, and how full it is",
                 {{"NAME", "name"},
                  {"TYPE", "type"},
                  {"KEY-BYTES", "keyBytes", Cell::exact, kWide},
                  {"VALUE-BYTES", "valueBytes", Cell::exact, kWide},
                  {"ENTRIES", "entries", Cell::count},
                  {"MAX", "maxEntries", Cell::count},
                  {"FILL", "", Cell::fill},
                  {"MEMORY", "memoryBytes", Cell::bytes},
                  {"PINNED", "pinned", Cell::text, kWide}}};

}  // namespace

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{kEndpoints, kPolicies, kRules, kSets, kFlows, kDrops, kMaps};
    return all;
}

const Kind& kind_named(std::string_view name) {
    return *std::find_if(kinds().begin(), kinds().end(), [name](const Kind& kind) { return kind.name == name; });
}

}  // namespace catflap::cli
