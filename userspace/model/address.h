// SPDX-License-Identifier: Apache-2.0
// Addresses and prefixes of both families in one form: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catflap {

enum class Family : uint8_t { ipv4, ipv6 };

struct Address {
    std::array<uint8_t, 16> bytes{};

    auto operator<=>(const Address&) const = default;
    [[nodiscard]] bool is_ipv4() const noexcept;  // IPv4-mapped
    [[nodiscard]] Family family() const noexcept { return is_ipv4() ? Family::ipv4 : Family::ipv6; }
    [[nodiscard]] bool is_unset() const noexcept { return *this == Address{}; }
};

// "10.0.0.1", "fd00::1". Refuses anything else, and IPv6 text that spells an IPv4-mapped address.
Result<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

// What an API server has taken and stored in former days, though it is no canonical text.
struct Oddities {
    bool has_leading_zeros = false;  // "010.009.001.009": decimal, never octal
    bool is_mapped = false;          // "::ffff:10.0.0.1": the IPv4 address
    bool has_host_bits = false;      // "10.0.0.1/8": taken as 10.0.0.0/8
};
struct StoredAddress {
    Address address;
    Oddities odd;
};
// As the API server's own lenient parser reads it (k8s.io/utils/net, ParseIPSloppy).
Result<StoredAddress> parse_stored_address(std::string_view text);

// An address whose bits past `length` are zero. The length counts the mapped form's bits: 10.0.0.0/8 has 104.
class Prefix {
  public:
    Prefix() = default;
    // Clears the bits past length_bits (0..128).
    Prefix(const Address& address, uint8_t length_bits);
    static Prefix host(const Address& address) { return {address, 128}; }

    auto operator<=>(const Prefix&) const = default;
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    [[nodiscard]] uint8_t length() const noexcept { return length_; }
    [[nodiscard]] Family family() const noexcept;
    // As people write it: 8 for 10.0.0.0/8.
    [[nodiscard]] uint8_t written_length() const noexcept;
    [[nodiscard]] bool contains(const Address& address) const noexcept;
    // True for itself and for every prefix inside it. ::/0 does not contain IPv4.
    [[nodiscard]] bool contains(const Prefix& other) const noexcept;

  private:
    Address address_;
    uint8_t length_ = 0;
};

struct ParsedPrefix {
    Prefix prefix;
    bool had_host_bits = false;  // "10.0.0.1/8": taken as 10.0.0.0/8
};
// "10.0.0.0/8", "fd00::/8". The length is required; leading zeros and signs are refused.
Result<ParsedPrefix> parse_prefix(std::string_view text);

struct StoredPrefix {
    Prefix prefix;
    Oddities odd;
};
// As the API server's own lenient parser reads it (k8s.io/utils/net, ParseCIDRSloppy). An IPv4-mapped block of length
// 96 or more is the IPv4 block, a shorter one an IPv6 block, in which no IPv4 address lies.
Result<StoredPrefix> parse_stored_prefix(std::string_view text);
std::string to_string(const Prefix& prefix);

}  // namespace catflap

template <>
struct std::hash<catflap::Address> {
    size_t operator()(const catflap::Address& address) const noexcept;
};
