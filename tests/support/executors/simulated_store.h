// SPDX-License-Identifier: Apache-2.0
// The datapath's maps in plain memory, judged as bpf/classify.h judges them, with a look in between any two stores.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compile/commit/store.h"
#include "resolve/resolve.h"

namespace catflap::test {

struct Verdict {
    enum class Kind : uint8_t { drop, allow, contradiction };  // contradiction: CATFLAP_REASON_STATE
    Kind kind = Kind::drop;
    uint32_t decision = 0;

    auto operator<=>(const Verdict&) const = default;
};
std::string to_string(const Verdict& verdict);

// What was stored last: which packets could be judged otherwise than before.
struct StoreEvent {
    std::string what;
    std::optional<Prefix> remote;                          // only packets of these remote addresses
    std::optional<std::pair<Protocol, uint16_t>> service;  // only packets to this port

    [[nodiscard]] bool concerns(const Address& address, uint8_t protocol, uint16_t port) const;
};

class SimulatedStore final : public compile::Store {
  public:
    // Called after every single store: each address, port and page of a bulk call is one.
    std::function<void(const StoreEvent&)> after_store;

    // An interface for which the directory is to be full; 0: none.
    uint32_t no_place_for = 0;
    // wait_for_packets() fails.
    bool cannot_wait = false;

    // Nothing: no pod is known on the interface, so the packet is dropped.
    [[nodiscard]] std::optional<Verdict> judge(uint32_t ifindex, resolve::Direction direction, const Address& remote,
                                               uint8_t protocol, uint16_t port) const;
    // By a packet that looked its endpoint up when `config` was published there.
    [[nodiscard]] Verdict judge_by(uint32_t config, resolve::Direction direction, const Address& remote,
                                   uint8_t protocol, uint16_t port) const;
    [[nodiscard]] const catflap_endpoint_config* config_of(uint32_t ifindex) const;
    // What packets under way may have found on the interface: everything published since the last wait_for_packets().
    [[nodiscard]] std::set<uint32_t> configs_in_flight(uint32_t ifindex) const;

    // Stores that a packet under way could have tripped over. A right commit leaves none.
    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
    // Map and page lookups of judge() so far.
    [[nodiscard]] size_t lookups() const { return lookups_; }
    // Grace periods so far.
    [[nodiscard]] size_t waits() const { return waits_; }
    [[nodiscard]] const std::map<uint32_t, compile::DecisionKey>& decisions() const { return decisions_; }

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
    [[nodiscard]] bool has_place(uint32_t ifindex) const override { return ifindex != no_place_for; }
    Result<> publish(uint32_t ifindex, uint32_t config) override;
    Result<> withdraw(uint32_t ifindex) override;
    Result<> order() override { return {}; }
    Result<> wait_for_packets() override;

  private:
    friend class SimulatedView;
    using Page = std::array<uint32_t, CATFLAP_PAGE_U32>;

    [[nodiscard]] uint32_t address_class(const Address& address) const;
    [[nodiscard]] int port_class(uint8_t protocol, uint16_t port) const;
    [[nodiscard]] int read_u16(uint32_t first_page, uint32_t index) const;
    [[nodiscard]] const Page* page(uint32_t number) const;
    Page& page_to_write(uint32_t number);
    [[nodiscard]] std::set<uint32_t> configs_in_flight() const;
    [[nodiscard]] std::vector<catflap_table> tables_in_flight() const;
    [[nodiscard]] bool decides(const catflap_table& table, uint32_t decision) const;
    void check_unmet(uint32_t first_page, uint32_t index);
    void stored(StoreEvent event);
    void violate(std::string what) { violations_.push_back(std::move(what)); }

    std::map<uint32_t, uint32_t> interfaces_;
    std::vector<std::optional<catflap_endpoint_config>> configs_{CATFLAP_MAX_CONFIGS};
    std::unordered_map<Address, uint32_t> addresses_;
    std::map<Prefix, uint32_t> cidrs_;
    std::array<std::vector<uint16_t>, 3> ports_{std::vector<uint16_t>(65536), std::vector<uint16_t>(65536),
                                                std::vector<uint16_t>(65536)};
    std::vector<std::unique_ptr<Page>> pages_{CATFLAP_TABLE_PAGES};  // nothing: zeros
    std::map<uint32_t, compile::DecisionKey> decisions_;

    // Since the last wait_for_packets(), what is published now included.
    std::map<uint32_t, std::set<uint32_t>> published_;  // by ifindex
    std::unordered_set<uint32_t> met_classes_;
    std::unordered_set<uint32_t> met_port_classes_;
    std::vector<std::string> violations_;
    mutable size_t lookups_ = 0;
    size_t waits_ = 0;
};

}  // namespace catflap::test
