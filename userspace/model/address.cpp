// SPDX-License-Identifier: Apache-2.0
#include "model/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace catflap {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr uint8_t kMappedBits = 96;

bool has_mapped_prefix(const Address& address) {
    return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

// Each number without its leading zeros.
std::string without_leading_zeros(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool starts = i == 0 || text[i - 1] == '.' || text[i - 1] == ':';
        if (starts)
            while (text[i] == '0' && i + 1 < text.size() && text[i + 1] != '.' && text[i + 1] != ':')
                ++i;
        result += text[i];
    }
    return result;
}

// Both families, IPv4-mapped text too.
std::optional<Address> read_address(const std::string& text) {
    Address address;
    if (text.find(':') != std::string::npos) {
        if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1)
            return address;
    } else {
        std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
        if (inet_pton(AF_INET, text.c_str(), address.bytes.data() + kMappedPrefix.size()) == 1)
            return address;
    }
    return std::nullopt;
}

// 0 to `longest` in decimal digits.
std::optional<int> read_length(std::string_view digits, int longest) {
    int length = -1;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (code != std::errc{} || end != digits.data() + digits.size() || length < 0 || length > longest)
        return std::nullopt;
    return length;
}

}  // namespace

bool Address::is_ipv4() const noexcept {
    return has_mapped_prefix(*this);
}

Result<Address> parse_address(std::string_view text) {
    const std::optional<Address> address = read_address(std::string(text));
    if (!address)
        return fail("\"{}\" is not an IPv4 or IPv6 address", text);
    if (address->is_ipv4() && text.find(':') != std::string_view::npos)
        return fail("\"{}\" is an IPv4-mapped IPv6 address; write the IPv4 address", text);
    return *address;
}

Result<StoredAddress> parse_stored_address(std::string_view text) {
    StoredAddress stored;
    std::optional<Address> address = read_address(std::string(text));
    if (!address) {
        stored.odd.has_leading_zeros = true;
        address = read_address(without_leading_zeros(text));
    }
    if (!address)
        return fail("\"{}\" is not an IPv4 or IPv6 address", text);
    stored.address = *address;
    stored.odd.is_mapped = address->is_ipv4() && text.find(':') != std::string_view::npos;
    return stored;
}

std::string to_string(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.is_ipv4())
        inet_ntop(AF_INET, address.bytes.data() + kMappedPrefix.size(), text.data(), text.size());
    else
        inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
    return text.data();
}

Prefix::Prefix(const Address& address, uint8_t length_bits)
    : address_(address), length_(std::min<uint8_t>(length_bits, 128)) {
    for (size_t i = 0; i < address_.bytes.size(); ++i) {
        const int kept = std::clamp(static_cast<int>(length_) - static_cast<int>(i) * 8, 0, 8);
        address_.bytes[i] &= static_cast<uint8_t>(0xff00U >> kept);
    }
}

Family Prefix::family() const noexcept {
    return length_ >= kMappedBits && address_.is_ipv4() ? Family::ipv4 : Family::ipv6;
}

uint8_t Prefix::written_length() const noexcept {
    return family() == Family::ipv4 ? static_cast<uint8_t>(length_ - kMappedBits) : length_;
}

bool Prefix::contains(const Address& address) const noexcept {
    return address.family() == family() && Prefix(address, length_).address_ == address_;
}

bool Prefix::contains(const Prefix& other) const noexcept {
    return other.length_ >= length_ && other.family() == family() &&
           Prefix(other.address_, length_).address_ == address_;
}

Result<ParsedPrefix> parse_prefix(std::string_view text) {
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos)
        return fail("\"{}\" is not a CIDR: it has no /length", text);
    auto address = parse_address(text.substr(0, slash));
    if (!address)
        return fail("\"{}\" is not a CIDR: {}", text, address.error().message);
    const std::string_view digits = text.substr(slash + 1);
    const int longest = address->is_ipv4() ? 32 : 128;
    const std::optional<int> length = read_length(digits, longest);
    const bool leading_zero = digits.size() > 1 && digits.front() == '0';
    if (!length || leading_zero)
        return fail("\"{}\" is not a CIDR: the length must be 0 to {}", text, longest);
    const int bits = address->is_ipv4() ? *length + kMappedBits : *length;
    const Prefix prefix(*address, static_cast<uint8_t>(bits));
    return ParsedPrefix{prefix, prefix.address() != *address};
}

Result<StoredPrefix> parse_stored_prefix(std::string_view text) {
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos)
        return fail("\"{}\" is not a CIDR: it has no /length", text);
    const auto stored = parse_stored_address(text.substr(0, slash));
    if (!stored)
        return fail("\"{}\" is not a CIDR: {}", text, stored.error().message);
    const std::string_view digits = text.substr(slash + 1);
    const bool is_short = stored->address.is_ipv4() && !stored->odd.is_mapped;
    const int longest = is_short ? 32 : 128;
    const std::optional<int> length = read_length(digits, longest);
    if (!length)
        return fail("\"{}\" is not a CIDR: the length must be 0 to {}", text, longest);
    const Prefix prefix(stored->address, static_cast<uint8_t>(is_short ? *length + kMappedBits : *length));
    Oddities odd = stored->odd;
    odd.has_leading_zeros = odd.has_leading_zeros || (digits.size() > 1 && digits.front() == '0');
    odd.has_host_bits = prefix.address() != stored->address;
    return StoredPrefix{prefix, odd};
}

std::string to_string(const Prefix& prefix) {
    return fmt::format("{}/{}", to_string(prefix.address()), prefix.written_length());
}

}  // namespace catflap

size_t std::hash<catflap::Address>::operator()(const catflap::Address& address) const noexcept {
    uint64_t high = 0;
    uint64_t low = 0;
    std::memcpy(&high, address.bytes.data(), sizeof(high));
    std::memcpy(&low, address.bytes.data() + sizeof(high), sizeof(low));
    // Fibonacci hashing of the folded halves: neighbours in a subnet spread over the buckets.
    return (high * 0x9e3779b97f4a7c15ULL ^ low) * 0x9e3779b97f4a7c15ULL >> 7;
}
