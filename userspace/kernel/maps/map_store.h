// SPDX-License-Identifier: Apache-2.0
// compile::Store on the maps of the kernel.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "compile/commit/store.h"
#include "kernel/maps/address_table.h"
#include "kernel/maps/cidr_trie.h"
#include "kernel/maps/interface_directory.h"
#include "kernel/datapath/ledger.h"
#include "kernel/maps/map.h"

namespace catflap::kernel {

// The maps that a commit writes; descriptors stay the owner's.
struct StateMaps {
    int interfaces = -1;
    int endpoint_configs = -1;
    int ipv4_addresses = -1;
    int ipv6_addresses = -1;
    int local_addresses = -1;
    int cidrs = -1;
    int port_pages = -1;
    int table_pages = -1;
    int redirect_gates = -1;
    int uplinks = -1;
    uint32_t table_page_count = 0;
    catflap_address_seed address_seed{};
};

using EndpointCounters = CpuArray<catflap_endpoint_counter>;

class MapStore final : public compile::Store {
  public:
    // Keeps the references.
    static Result<std::unique_ptr<MapStore>> open(const StateMaps& maps, Ledger& ledger,
                                                  const EndpointCounters& endpoint_counters);

    Result<> write_pages(uint32_t first_page, std::span<const uint32_t> words) override;
    Result<> write_config(uint32_t number, const catflap_endpoint_config& config) override;
    Result<> name_decision(uint32_t decision, const compile::DecisionKey& key) override;
    Result<> clear_endpoint_counters(uint32_t slot) override;
    Result<> set_u16(uint32_t first_page, uint32_t index, uint16_t value) override;
    Result<> set_ports(Protocol protocol, uint16_t first, uint16_t last, uint16_t port_class) override;
    Result<> set_addresses(std::span<const std::pair<Address, compile::ClassNumber>> entries) override;
    Result<> remove_addresses(std::span<const Address> addresses) override;
    Result<> set_prefixes(std::span<const std::pair<Prefix, compile::ClassNumber>> entries) override;
    Result<> remove_prefixes(std::span<const Prefix> prefixes) override;
    [[nodiscard]] bool has_place(uint32_t ifindex) const override;
    Result<> publish(uint32_t ifindex, uint32_t config) override;
    Result<> withdraw(uint32_t ifindex) override;
    Result<> order() override;
    Result<> wait_for_packets() override;

    // One store, which every packet after it sees. A slot that is given to another pod begins with a closed gate.
    void set_redirect_gate(uint32_t slot, catflap_redirect_gate gate);
    // All that may take the short way, by ifindex; of more than CATFLAP_MAX_UPLINKS the rest does not.
    void set_uplinks(const std::map<uint32_t, catflap_uplink>& uplinks);

    // For the reports: where the pods' addresses are.
    [[nodiscard]] const AddressTable& addresses() const { return addresses_; }
    [[nodiscard]] const CidrTrie& cidrs() const { return cidrs_; }

  private:
    friend class MapView;  // reads and mends past the order of a commit, see map_view.h
    struct Page {
        uint64_t words[CATFLAP_PAGE_SIZE / 8];
    };
    // An element of an array has 8 bytes at least.
    struct Gate {
        uint32_t gate;
        uint32_t pad;
    };

    MapStore(const StateMaps& maps, Ledger& ledger, const EndpointCounters& endpoint_counters)
        : maps_(maps), ledger_(ledger), endpoint_counters_(endpoint_counters), cidrs_(maps.cidrs) {}
    Result<> map_all();
    // Keeps local_addresses as the published configs are.
    void set_local(uint32_t ifindex, const catflap_endpoint_config* config);

    StateMaps maps_;
    Ledger& ledger_;
    const EndpointCounters& endpoint_counters_;
    MappedArray<catflap_interface> interfaces_;
    InterfaceDirectory directory_;
    MappedArray<catflap_endpoint_config> configs_;
    MappedArray<Page> ports_;
    MappedArray<Page> tables_;
    MappedArray<catflap_ipv4_bucket> ipv4_;
    MappedArray<catflap_ipv6_bucket> ipv6_;
    MappedArray<Gate> gates_;  // by slot
    AddressTable addresses_;
    CidrTrie cidrs_;
    std::unordered_map<uint32_t, std::vector<catflap_address>> local_;  // what is in local_addresses, by ifindex
};

}  // namespace catflap::kernel
