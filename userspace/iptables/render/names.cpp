// SPDX-License-Identifier: Apache-2.0
#include "iptables/render/names.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace catflap::iptables {
namespace {

constexpr size_t kRuleHash = 16;

bool is_set_of(std::string_view name, std::string_view family) {
    return name.starts_with(fmt::format("cali{}0", family)) || name.starts_with(fmt::format("cali{}t", family));
}

}  // namespace

std::string short_hash(std::string_view text, size_t length) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::array<unsigned char, 4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1> base64{};
    EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
    std::string result(reinterpret_cast<const char*>(base64.data()), std::min<size_t>(length, 43));
    std::ranges::replace(result, '+', '-');
    std::ranges::replace(result, '/', '_');
    return result;
}

std::string chain_name(std::string_view prefix, std::string_view name) {
    std::string whole = fmt::format("{}{}", prefix, name);
    if (whole.size() <= kMaxChainName)
        return whole;
    return fmt::format("{}_{}", prefix, short_hash(name, kMaxChainName - prefix.size() - 1));
}

std::string set_name(Family family, SetKind kind, std::string_view description) {
    const std::string prefix = fmt::format("cali{}0{}:", family == Family::ipv4 ? '4' : '6', static_cast<char>(kind));
    return prefix + short_hash(description, kMaxSetName - prefix.size());
}

bool is_our_set(std::string_view name) {
    return is_set_of(name, "4") || is_set_of(name, "6");
}

std::string rule_hash(std::string_view chain, std::string_view previous_hash, std::string_view rule_text) {
    return short_hash(fmt::format("{} {} {}", chain, previous_hash, rule_text), kRuleHash);
}

}  // namespace catflap::iptables
