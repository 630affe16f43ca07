// SPDX-License-Identifier: Apache-2.0
#include "support/executors/simulated_store.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace catflap::test {
namespace {

constexpr uint32_t kNoClass = 0xffffffff;
constexpr std::array<Protocol, 3> kProtocols = {Protocol::tcp, Protocol::udp, Protocol::sctp};

size_t index_of(Protocol protocol) {
    return static_cast<size_t>(std::ranges::find(kProtocols, protocol) - kProtocols.begin());
}

// As the trie compares, which knows no families: ::/0 holds the IPv4-mapped addresses too.
bool trie_matches(const Prefix& prefix, const Address& address) {
    const size_t bytes = prefix.length() / 8;
    const auto& wanted = prefix.address().bytes;
    if (!std::equal(wanted.begin(), wanted.begin() + static_cast<ptrdiff_t>(bytes), address.bytes.begin()))
        return false;
    const int rest = prefix.length() % 8;
    return rest == 0 || (wanted[bytes] ^ address.bytes[bytes]) >> (8 - rest) == 0;
}

bool overlaps(uint32_t first, size_t count, uint32_t other_first, size_t other_count) {
    return first < other_first + other_count && other_first < first + count;
}

size_t pages_of(size_t elements, size_t per_page) {
    return (elements + per_page - 1) / per_page;
}

bool reaches_page(const catflap_table& table, uint32_t first, size_t count) {
    return !table.open &&
           (overlaps(first, count, table.rows_page, pages_of(table.class_count, CATFLAP_PAGE_U16)) ||
            overlaps(first, count, table.columns_page, pages_of(table.port_class_count, CATFLAP_PAGE_U16)) ||
            overlaps(first, count, table.cells_page, pages_of(table.cell_count, CATFLAP_PAGE_U32)));
}

}  // namespace

std::string to_string(const Verdict& verdict) {
    constexpr std::array<const char*, 3> kinds = {"drop", "allow", "CONTRADICTION"};
    return fmt::format("{} by decision {}", kinds[static_cast<size_t>(verdict.kind)], verdict.decision);
}

bool StoreEvent::concerns(const Address& address, uint8_t protocol, uint16_t port) const {
    if (remote && !trie_matches(*remote, address))
        return false;
    return !service || (static_cast<uint8_t>(service->first) == protocol && service->second == port);
}

// ---- Judging ----

uint32_t SimulatedStore::address_class(const Address& address) const {
    ++lookups_;
    if (const auto exact = addresses_.find(address); exact != addresses_.end())
        return exact->second;
    ++lookups_;
    const std::pair<const Prefix, uint32_t>* longest = nullptr;
    for (const auto& entry : cidrs_)
        if (trie_matches(entry.first, address) && (!longest || entry.first.length() > longest->first.length()))
            longest = &entry;
    return longest ? longest->second : 0;
}

int SimulatedStore::port_class(uint8_t protocol, uint16_t port) const {
    const auto known = std::ranges::find(kProtocols, static_cast<Protocol>(protocol));
    if (known == kProtocols.end())
        return 0;
    ++lookups_;
    return ports_[static_cast<size_t>(known - kProtocols.begin())][port];
}

const SimulatedStore::Page* SimulatedStore::page(uint32_t number) const {
    static const Page zeros{};
    ++lookups_;
    if (number >= pages_.size())
        return nullptr;
    return pages_[number] ? pages_[number].get() : &zeros;
}

int SimulatedStore::read_u16(uint32_t first_page, uint32_t index) const {
    const Page* found = page(first_page + index / CATFLAP_PAGE_U16);
    if (!found)
        return -1;
    return std::bit_cast<std::array<uint16_t, CATFLAP_PAGE_U16>>(*found)[index % CATFLAP_PAGE_U16];
}

Verdict SimulatedStore::judge_by(uint32_t config, resolve::Direction direction, const Address& remote, uint8_t protocol,
                                 uint16_t port) const {
    constexpr Verdict contradiction{Verdict::Kind::contradiction, 0};
    ++lookups_;
    if (config >= configs_.size() || !configs_[config])
        return contradiction;
    const catflap_table& table = configs_[config]->tables[static_cast<size_t>(direction)];
    if (table.open)
        return {Verdict::Kind::allow, CATFLAP_RULE_NONE};
    const uint32_t class_id = address_class(remote);
    const int ports = class_id < table.class_count ? port_class(protocol, port) : -1;
    if (class_id == kNoClass || ports < 0 || static_cast<uint32_t>(ports) >= table.port_class_count)
        return contradiction;
    const int row = read_u16(table.rows_page, class_id);
    const int column = read_u16(table.columns_page, static_cast<uint32_t>(ports));
    if (row < 0 || column < 0)
        return contradiction;
    const uint32_t index = static_cast<uint32_t>(row) * table.column_count + static_cast<uint32_t>(column);
    const Page* cells = index < table.cell_count ? page(table.cells_page + index / CATFLAP_PAGE_U32) : nullptr;
    if (!cells)
        return contradiction;
    const uint32_t cell = (*cells)[index % CATFLAP_PAGE_U32];
    return {cell & CATFLAP_CELL_ALLOW ? Verdict::Kind::allow : Verdict::Kind::drop, cell & CATFLAP_CELL_RULE};
}

std::optional<Verdict> SimulatedStore::judge(uint32_t ifindex, resolve::Direction direction, const Address& remote,
                                             uint8_t protocol, uint16_t port) const {
    ++lookups_;
    const auto found = interfaces_.find(ifindex);
    if (found == interfaces_.end() || found->second == 0)
        return std::nullopt;
    return judge_by(found->second, direction, remote, protocol, port);
}

const catflap_endpoint_config* SimulatedStore::config_of(uint32_t ifindex) const {
    const auto found = interfaces_.find(ifindex);
    return found == interfaces_.end() || found->second == 0 ? nullptr : &*configs_[found->second];
}

// ---- What packets under way can reach ----

std::set<uint32_t> SimulatedStore::configs_in_flight(uint32_t ifindex) const {
    const auto found = published_.find(ifindex);
    return found == published_.end() ? std::set<uint32_t>{} : found->second;
}

std::set<uint32_t> SimulatedStore::configs_in_flight() const {
    std::set<uint32_t> all;
    for (const auto& [ifindex, configs] : published_)
        all.insert(configs.begin(), configs.end());
    return all;
}

std::vector<catflap_table> SimulatedStore::tables_in_flight() const {
    std::vector<catflap_table> tables;
    for (const uint32_t config : configs_in_flight())
        if (configs_[config])
            tables.insert(tables.end(), std::begin(configs_[config]->tables), std::end(configs_[config]->tables));
    return tables;
}

bool SimulatedStore::decides(const catflap_table& table, uint32_t decision) const {
    for (uint32_t i = 0; !table.open && i < table.cell_count; ++i) {
        const auto& cells = pages_[table.cells_page + i / CATFLAP_PAGE_U32];
        if (cells && ((*cells)[i % CATFLAP_PAGE_U32] & CATFLAP_CELL_RULE) == decision)
            return true;
    }
    return false;
}

// A row or column may change under live tables only for a number that no packet can meet.
void SimulatedStore::check_unmet(uint32_t first_page, uint32_t index) {
    for (const catflap_table& table : tables_in_flight()) {
        if (table.open)
            continue;
        if (table.rows_page == first_page && met_classes_.contains(index))
            violate(fmt::format("the row of address class {} changes under packets", index));
        if (table.columns_page == first_page && met_port_classes_.contains(index))
            violate(fmt::format("the column of port class {} changes under packets", index));
    }
}

void SimulatedStore::stored(StoreEvent event) {
    if (after_store)
        after_store(event);
}

Result<> SimulatedStore::wait_for_packets() {
    if (cannot_wait)
        return fail("no grace period");
    ++waits_;
    published_.clear();
    for (const auto& [ifindex, config] : interfaces_)
        if (config != 0)
            published_[ifindex].insert(config);
    met_classes_ = {0};
    for (const auto& [address, number] : addresses_)
        met_classes_.insert(number);
    for (const auto& [prefix, number] : cidrs_)
        met_classes_.insert(number);
    met_port_classes_ = {0};
    for (const auto& ports : ports_)
        met_port_classes_.insert(ports.begin(), ports.end());
    return {};
}

// ---- Stores ----

SimulatedStore::Page& SimulatedStore::page_to_write(uint32_t number) {
    if (!pages_.at(number))
        pages_[number] = std::make_unique<Page>();
    return *pages_[number];
}

Result<> SimulatedStore::write_pages(uint32_t first_page, std::span<const uint32_t> words) {
    const size_t count = pages_of(words.size(), CATFLAP_PAGE_U32);
    if (first_page + count > pages_.size())
        return fail("pages {} to {} do not exist", first_page, first_page + count - 1);
    for (const catflap_table& table : tables_in_flight())
        if (reaches_page(table, first_page, count))
            violate(fmt::format("pages from {} are written while a table there is reached", first_page));
    for (size_t i = 0; i < count; ++i) {
        const auto part = words.subspan(i * CATFLAP_PAGE_U32);
        std::ranges::copy(part.first(std::min<size_t>(part.size(), CATFLAP_PAGE_U32)),
                          page_to_write(first_page + static_cast<uint32_t>(i)).begin());
        stored({fmt::format("page {}", first_page + i), {}, {}});
    }
    return {};
}

Result<> SimulatedStore::write_config(uint32_t number, const catflap_endpoint_config& config) {
    if (number == 0 || number >= configs_.size())
        return fail("config {} does not exist", number);
    if (configs_in_flight().contains(number))
        violate(fmt::format("config {} is written while an endpoint has it", number));
    configs_[number] = config;
    stored({fmt::format("config {}", number), {}, {}});
    return {};
}

Result<> SimulatedStore::name_decision(uint32_t decision, const compile::DecisionKey& key) {
    if (decision == 0 || decision >= CATFLAP_MAX_RULES)
        return fail("decision {} does not exist", decision);
    const auto [named, added] = decisions_.try_emplace(decision, key);
    if (!added && named->second != key)
        for (const catflap_table& table : tables_in_flight())
            if (decides(table, decision))
                violate(fmt::format("decision {} changes its meaning while a table uses it", decision));
    named->second = key;
    stored({fmt::format("name of decision {}", decision), {}, {}});
    return {};
}

Result<> SimulatedStore::clear_endpoint_counters(uint32_t slot) {
    for (const uint32_t config : configs_in_flight())
        if (configs_[config] && configs_[config]->slot == slot)
            violate(fmt::format("the counters of slot {} are cleared while it is taken", slot));
    stored({fmt::format("counters of slot {}", slot), {}, {}});
    return {};
}

Result<> SimulatedStore::set_u16(uint32_t first_page, uint32_t index, uint16_t value) {
    Page& target = page_to_write(first_page + index / CATFLAP_PAGE_U16);
    uint16_t old = 0;
    auto* place = reinterpret_cast<std::byte*>(target.data()) + index % CATFLAP_PAGE_U16 * sizeof(value);
    std::memcpy(&old, place, sizeof(old));
    if (old != value)
        check_unmet(first_page, index);
    std::memcpy(place, &value, sizeof(value));
    stored({fmt::format("element {} from page {}: {}", index, first_page, value), {}, {}});
    return {};
}

Result<> SimulatedStore::set_ports(Protocol protocol, uint16_t first, uint16_t last, uint16_t port_class) {
    met_port_classes_.insert(port_class);
    for (uint32_t port = first; port <= last; ++port) {
        uint16_t& value = ports_[index_of(protocol)][port];
        if (std::exchange(value, port_class) == port_class)
            continue;
        const auto number = static_cast<uint16_t>(port);
        stored(
            {after_store ? fmt::format("port {}: class {}", port, port_class) : "", {}, std::pair(protocol, number)});
    }
    return {};
}

Result<> SimulatedStore::set_addresses(std::span<const std::pair<Address, compile::ClassNumber>> entries) {
    for (const auto& [address, number] : entries) {
        met_classes_.insert(number);
        addresses_[address] = number;
        stored({fmt::format("address {}: class {}", to_string(address), number), Prefix::host(address), {}});
    }
    return {};
}

Result<> SimulatedStore::remove_addresses(std::span<const Address> addresses) {
    for (const Address& address : addresses) {
        addresses_.erase(address);
        stored({fmt::format("address {} removed", to_string(address)), Prefix::host(address), {}});
    }
    return {};
}

Result<> SimulatedStore::set_prefixes(std::span<const std::pair<Prefix, compile::ClassNumber>> entries) {
    for (const auto& [prefix, number] : entries) {
        met_classes_.insert(number);
        cidrs_[prefix] = number;
        stored({fmt::format("prefix {}: class {}", to_string(prefix), number), prefix, {}});
    }
    return {};
}

Result<> SimulatedStore::remove_prefixes(std::span<const Prefix> prefixes) {
    for (const Prefix& prefix : prefixes) {
        cidrs_.erase(prefix);
        stored({fmt::format("prefix {} removed", to_string(prefix)), prefix, {}});
    }
    return {};
}

Result<> SimulatedStore::publish(uint32_t ifindex, uint32_t config) {
    if (config >= configs_.size() || (config != 0 && !configs_[config]))
        return fail("config {} was never written", config);
    interfaces_[ifindex] = config;
    if (config != 0)
        published_[ifindex].insert(config);
    stored({fmt::format("interface {}: config {}", ifindex, config), {}, {}});
    return {};
}

Result<> SimulatedStore::withdraw(uint32_t ifindex) {
    interfaces_.erase(ifindex);
    stored({fmt::format("interface {} withdrawn", ifindex), {}, {}});
    return {};
}

}  // namespace catflap::test
