// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "kernel/maps/address_table.h"

using namespace catflap;
using kernel::AddressTable;

namespace {

// The two maps in plain memory.
struct Tables {
    explicit Tables(const catflap_address_seed& seed = kernel::random_address_seed()) : table(ipv4, ipv6, seed) {}

    std::vector<catflap_ipv4_bucket> ipv4 = std::vector<catflap_ipv4_bucket>(CATFLAP_ADDRESS_BUCKETS);
    std::vector<catflap_ipv6_bucket> ipv6 = std::vector<catflap_ipv6_bucket>(CATFLAP_ADDRESS_BUCKETS);
    AddressTable table;
};

// The upper halves of IPv6 addresses do not count: with this, upper_half(0), (1), ... share their bucket and their key.
catflap_address_seed lower_halves_only() {
    catflap_address_seed seed = kernel::random_address_seed();
    seed.odd[2] = 0;
    return seed;
}

Address upper_half(uint32_t index) {
    return parse_address(fmt::format("fd00:{:x}:{:x}::1", index >> 8, index & 255)).value();
}

Address ipv4(uint32_t index) {
    return parse_address(fmt::format("10.{}.{}.{}", index >> 16, index >> 8 & 255, index & 255)).value();
}

// Subnets of nodes, as address managers cut them: few bits differ.
Address ipv6(uint32_t index) {
    return parse_address(fmt::format("fd00:10:{:x}::{:x}", index >> 8, index & 255)).value();
}

template <class Make>
std::vector<Address> colliding(const AddressTable& table, size_t count, Make make) {
    std::vector<Address> result;
    for (uint32_t i = 0; result.size() < count; ++i)
        if (result.empty() || table.bucket_of(make(i)) == table.bucket_of(result.front()))
            result.push_back(make(i));
    return result;
}

}  // namespace

TEST_CASE("consecutive addresses fill the tables to the limit, and few find their bucket full") {
    for (const bool is_ipv4 : {true, false}) {
        Tables tables;
        std::vector<Address> crowded;
        for (uint32_t i = 0; i < CATFLAP_MAX_ADDRESSES; ++i)
            if (const Address address = is_ipv4 ? ipv4(i) : ipv6(i); !tables.table.set(address, i % 1000))
                crowded.push_back(address);
        // Random buckets leave out 0.8 %; 1.2 % is far beyond chance.
        CHECK(crowded.size() < CATFLAP_MAX_ADDRESSES / 83);
        CHECK(tables.table.ipv4_count() + tables.table.ipv6_count() == CATFLAP_MAX_ADDRESSES - crowded.size());
        size_t wrong = 0;
        for (uint32_t i = 0; i < CATFLAP_MAX_ADDRESSES; ++i)
            wrong += tables.table.find(is_ipv4 ? ipv4(i) : ipv6(i)).value_or(i % 1000) != i % 1000;
        CHECK(wrong == 0);
        for (const Address& address : crowded)
            CHECK_FALSE(tables.table.find(address));
        size_t seen = 0;
        tables.table.for_each([&](const Address& address, compile::ClassNumber number) {
            ++seen;
            wrong += tables.table.find(address) != number;
        });
        CHECK(wrong == 0);
        CHECK(seen == CATFLAP_MAX_ADDRESSES - crowded.size());
    }
}

TEST_CASE("addresses nobody set are not found, 0.0.0.0 and :: included") {
    Tables tables;
    for (uint32_t i = 0; i < 1000; ++i) {
        REQUIRE(tables.table.set(ipv4(i), 7));
        REQUIRE(tables.table.set(ipv6(i), 7));
    }
    size_t found = 0;
    for (uint32_t i = 1000; i < 100'000; ++i)
        found += tables.table.find(ipv4(i)).has_value() + tables.table.find(ipv6(i)).has_value();
    CHECK(found == 0);
    CHECK_FALSE(tables.table.find(parse_address("0.0.0.0").value()));
    CHECK_FALSE(tables.table.find(Address{}));
    CHECK_FALSE(tables.table.remove(Address{}));
    CHECK_FALSE(tables.table.set(parse_address("0.0.0.0").value(), 7));  // a free entry's key
}

TEST_CASE("a full bucket refuses one more, changes those that it has, and has room again when one goes") {
    Tables tables;
    for (const auto& addresses : {colliding(tables.table, CATFLAP_BUCKET_SLOTS + 1, ipv4),
                                  colliding(tables.table, CATFLAP_BUCKET_SLOTS + 1, ipv6)}) {
        for (uint32_t i = 0; i < CATFLAP_BUCKET_SLOTS; ++i)
            REQUIRE(tables.table.set(addresses[i], i));
        CHECK_FALSE(tables.table.set(addresses.back(), 99));
        CHECK_FALSE(tables.table.remove(addresses.back()));
        CHECK(tables.table.set(addresses[3], 65535));
        CHECK(tables.table.find(addresses[3]) == 65535);
        CHECK(tables.table.remove(addresses[5]));
        CHECK_FALSE(tables.table.find(addresses[5]));
        CHECK(tables.table.set(addresses.back(), 99));
        CHECK(tables.table.find(addresses.back()) == 99);
        CHECK_FALSE(tables.table.set(addresses[5], 1));
        for (const uint32_t i : {0U, 1U, 2U, 4U, 6U, 7U})
            CHECK(tables.table.find(addresses[i]) == i);
    }
    CHECK(tables.table.ipv4_count() == CATFLAP_BUCKET_SLOTS);
    CHECK(tables.table.ipv6_count() == CATFLAP_BUCKET_SLOTS);
}

TEST_CASE("two IPv6 addresses with the same key in one bucket are never mistaken for each other") {
    Tables tables(lower_halves_only());
    REQUIRE(tables.table.set(upper_half(1), 1));
    CHECK_FALSE(tables.table.set(upper_half(2), 2));
    CHECK_FALSE(tables.table.find(upper_half(2)));
    CHECK_FALSE(tables.table.remove(upper_half(2)));
    CHECK(tables.table.find(upper_half(1)) == 1);
}

// With every key alike, only the order of the stores tells a slot's old address from its new one.
TEST_CASE("between any two stores an address has its old class or its new one") {
    Tables tables(lower_halves_only());
    std::mt19937 random(1);
    std::vector<Address> addresses = colliding(tables.table, CATFLAP_BUCKET_SLOTS + 2, ipv4);
    for (uint32_t i = 0; i < 4; ++i)
        addresses.push_back(upper_half(i));
    std::map<Address, compile::ClassNumber> classes;
    std::optional<Address> changing;
    std::optional<compile::ClassNumber> before;
    std::optional<compile::ClassNumber> after;
    size_t stores = 0;
    tables.table.after_store = [&] {
        ++stores;
        for (const Address& address : addresses) {
            const auto found = tables.table.find(address);
            const auto known = classes.find(address);
            const bool right = address == changing      ? found == before || found == after
                               : known == classes.end() ? !found
                                                        : found == known->second;
            CHECK_MESSAGE(right, to_string(address));
        }
    };
    for (uint32_t i = 0; i < 2000; ++i) {
        const Address& address = addresses[random() % addresses.size()];
        const auto known = classes.find(address);
        changing = address;
        before = known == classes.end() ? std::nullopt : std::optional(known->second);
        if (random() % 2 == 0) {
            after = i;
            if (tables.table.set(address, i))
                classes[address] = i;
        } else {
            after.reset();
            CHECK(tables.table.remove(address) == before.has_value());
            classes.erase(address);
        }
        changing.reset();
        CHECK(tables.table.find(address) ==
              (classes.contains(address) ? std::optional(classes[address]) : std::nullopt));
    }
    CHECK(stores > 1000);
}

// The class is the number of the address plus a multiple of 256: a reader knows whose class it got.
TEST_CASE("a reader on another CPU never gets another address's class") {
    Tables tables(lower_halves_only());
    std::vector<Address> addresses = colliding(tables.table, CATFLAP_BUCKET_SLOTS + 2, ipv4);
    for (uint32_t i = 0; i < 8; ++i)
        addresses.push_back(upper_half(i));
    const auto count = static_cast<uint32_t>(addresses.size());
    std::atomic<bool> stop = false;
    std::atomic<size_t> found = 0;
    std::atomic<size_t> wrong = 0;
    std::thread reader([&] {
        for (uint32_t i = 0; !stop; i = (i + 1) % count)
            if (const auto number = tables.table.find(addresses[i])) {
                ++found;
                wrong += *number % 256 != i;
            }
    });
    std::mt19937 random(2);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    for (uint32_t round = 0; std::chrono::steady_clock::now() < end || found == 0; ++round) {
        const auto i = static_cast<uint32_t>(random() % count);
        if (!tables.table.set(addresses[i], i + 256 * (round % 200)))
            tables.table.remove(addresses[random() % count]);
    }
    stop = true;
    reader.join();
    CHECK(wrong == 0);
}
