// SPDX-License-Identifier: Apache-2.0
// Where a commit writes: the maps of the datapath, or a simulation of them. Each call is one of the stores that a
// packet may see in between, so the order of the calls is the order of the commit.
#pragma once

#include <catflap/abi.h>

#include <cstdint>
#include <span>
#include <utility>

#include "base/result.h"
#include "compile/tables/decision.h"
#include "model/policy.h"

namespace catflap::compile {

using ClassNumber = uint32_t;

class Store {
  public:
    virtual ~Store() = default;

    // Unreachable until a config names them.
    virtual Result<> write_pages(uint32_t first_page, std::span<const uint32_t> words) = 0;
    virtual Result<> write_config(uint32_t number, const catflap_endpoint_config& config) = 0;
    virtual Result<> name_decision(uint32_t decision, const DecisionKey& key) = 0;
    virtual Result<> clear_endpoint_counters(uint32_t slot) = 0;

    // One aligned 2-byte store each.
    virtual Result<> set_u16(uint32_t first_page, uint32_t index, uint16_t value) = 0;
    virtual Result<> set_ports(Protocol protocol, uint16_t first, uint16_t last, uint16_t port_class) = 0;

    // One replaced element for each address or prefix; in bulk, since there may be 100,000.
    virtual Result<> set_addresses(std::span<const std::pair<Address, ClassNumber>> entries) = 0;
    virtual Result<> remove_addresses(std::span<const Address> addresses) = 0;
    virtual Result<> set_prefixes(std::span<const std::pair<Prefix, ClassNumber>> entries) = 0;
    virtual Result<> remove_prefixes(std::span<const Prefix> prefixes) = 0;

    // False: publish() would fail.
    [[nodiscard]] virtual bool has_place(uint32_t ifindex) const = 0;
    // The one store that switches an endpoint: both directions, both families, generation. config 0: unknown pod.
    virtual Result<> publish(uint32_t ifindex, uint32_t config) = 0;
    virtual Result<> withdraw(uint32_t ifindex) = 0;

    // Everything stored before is seen by every packet that starts after.
    virtual Result<> order() = 0;
    // Returns when no packet is under way that started before the call: what it could have read may be reused.
    virtual Result<> wait_for_packets() = 0;
};

}  // namespace catflap::compile
