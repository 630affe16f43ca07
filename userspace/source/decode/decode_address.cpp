// SPDX-License-Identifier: Apache-2.0
// Addresses and CIDRs as API servers have stored them; what is odd about one is said.
#include <fmt/format.h>

#include "source/decode/decode_object.h"

namespace catflap::source {
namespace {

void warn_of(const Oddities& odd, const Field& field, std::string_view text, const std::string& taken) {
    if (odd.has_leading_zeros)
        field.warn(fmt::format("\"{}\" has leading zeros; read as decimal numbers: {}", text, taken));
    if (odd.is_mapped)
        field.warn(fmt::format("\"{}\" is an IPv4-mapped IPv6 address; taken as {}", text, taken));
    if (odd.has_host_bits)
        field.warn(fmt::format("\"{}\" has bits set past its length; taken as {}", text, taken));
}

}  // namespace

std::optional<Address> decode_address(const Field& field) {
    const std::optional<std::string> text = field.string();
    if (!text)
        return {};
    const Result<StoredAddress> stored = parse_stored_address(*text);
    if (!stored) {
        field.refuse(stored.error().message);
        return {};
    }
    warn_of(stored->odd, field, *text, to_string(stored->address));
    return stored->address;
}

std::optional<Prefix> decode_prefix(const Field& field) {
    const std::optional<std::string> text = field.string();
    if (!text)
        return {};
    const Result<StoredPrefix> stored = parse_stored_prefix(*text);
    if (!stored) {
        field.refuse(stored.error().message);
        return {};
    }
    warn_of(stored->odd, field, *text, to_string(stored->prefix));
    return stored->prefix;
}

}  // namespace catflap::source
