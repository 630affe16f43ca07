// SPDX-License-Identifier: Apache-2.0
#include "compile/classes/blocks.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/random/generator.h"

using namespace catflap;
using namespace catflap::compile;

namespace {

Prefix prefix(const std::string& text) {
    return parse_prefix(text).value().prefix;
}

IpBlock block(const char* cidr, const std::vector<const char*>& except = {}) {
    IpBlock result{prefix(cidr), {}};
    for (const char* one : except)
        result.except.push_back(prefix(one));
    return result;
}

std::vector<uint32_t> groups(const BlockIndex& index, const char* address) {
    const auto found = index.groups_of(parse_address(address).value());
    return {found.begin(), found.end()};
}

bool holds(const BlockGroup& group, const Address& address) {
    return std::ranges::any_of(group, [&](const IpBlock& one) {
        return one.cidr.contains(address) &&
               std::ranges::none_of(one.except, [&](const Prefix& except) { return except.contains(address); });
    });
}

using Groups = std::vector<uint32_t>;

}  // namespace

TEST_CASE("a narrower block is in the broader ones too") {
    const BlockIndex index({{block("10.0.0.0/8")}, {block("10.1.0.0/16")}, {block("10.1.2.3/32")}});
    CHECK(groups(index, "10.2.0.1") == Groups{0});
    CHECK(groups(index, "10.1.0.1") == Groups{0, 1});
    CHECK(groups(index, "10.1.2.3") == Groups{0, 1, 2});
    CHECK(groups(index, "11.0.0.0").empty());
}

TEST_CASE("an except takes away its own block only") {
    const BlockIndex index({{block("10.0.0.0/8", {"10.1.0.0/16"})}, {block("10.0.0.0/8")}});
    CHECK(groups(index, "10.1.255.255") == Groups{1});
    CHECK(groups(index, "10.2.0.0") == Groups{0, 1});
}

TEST_CASE("a block inside an except is in again, by the same group or another") {
    const BlockIndex index({{block("10.0.0.0/8", {"10.1.0.0/16"}), block("10.1.2.0/24")}});
    CHECK(groups(index, "10.1.1.1").empty());
    CHECK(groups(index, "10.1.2.1") == Groups{0});
}

TEST_CASE("of two blocks with other excepts a group holds what either holds") {
    const BlockIndex index({{block("10.0.0.0/8", {"10.1.0.0/16"}), block("10.0.0.0/8", {"10.1.2.0/24"})}});
    CHECK(groups(index, "10.1.3.1") == Groups{0});
    CHECK(groups(index, "10.1.2.1").empty());
}

TEST_CASE("::/0 is IPv6 only, 0.0.0.0/0 IPv4 only, and the trie has a prefix to say so") {
    const BlockIndex index({{block("::/0")}, {block("0.0.0.0/0")}});
    CHECK(groups(index, "192.0.2.1") == Groups{1});
    CHECK(groups(index, "2001:db8::1") == Groups{0});
    const BlockIndex ipv6_only({{block("::/0")}});
    CHECK(groups(ipv6_only, "192.0.2.1").empty());
    CHECK(std::ranges::find(ipv6_only.entries(), prefix("0.0.0.0/0"), &BlockIndex::Entry::prefix) !=
          ipv6_only.entries().end());
}

TEST_CASE("an except of half the family") {
    const BlockIndex index({{block("::/0", {"8000::/1"})}, {block("0.0.0.0/0", {"128.0.0.0/1"})}});
    CHECK(groups(index, "7fff::1") == Groups{0});
    CHECK(groups(index, "8000::").empty());
    CHECK(groups(index, "127.255.255.255") == Groups{1});
    CHECK(groups(index, "128.0.0.0").empty());
}

TEST_CASE("random blocks, at all of their edges") {
    test::Random random(7);
    const auto random_prefix = [&](uint8_t shortest) {
        return Prefix(test::random_address(random, random.chance(50) ? Family::ipv4 : Family::ipv6),
                      static_cast<uint8_t>(random.between(shortest, 128)));
    };
    for (int round = 0; round < 300; ++round) {
        std::vector<BlockGroup> all(random.between(1, 4));
        std::vector<Address> edges;
        for (BlockGroup& group : all)
            for (size_t count = random.between(1, 4); count > 0; --count) {
                IpBlock one{random_prefix(97), {}};
                for (size_t excepts = random.below(3); excepts > 0 && one.cidr.length() < 128; --excepts)
                    if (const Prefix except = random_prefix(one.cidr.length());
                        one.cidr.contains(except) && except != one.cidr)
                        if (std::ranges::none_of(one.except, [&](const Prefix& other) {
                                return other.contains(except) || except.contains(other);
                            }))
                            one.except.push_back(except);
                for (const Prefix& each : one.except)
                    edges.insert(edges.end(), {each.address(), test::last_address(each)});
                edges.insert(edges.end(), {one.cidr.address(), test::last_address(one.cidr),
                                           test::previous_address(one.cidr.address()),
                                           test::next_address(test::last_address(one.cidr))});
                group.push_back(one);
            }
        const BlockIndex index(all);
        for (const Address& edge : edges)
            for (uint32_t group = 0; group < all.size(); ++group)
                CHECK_MESSAGE(std::ranges::binary_search(index.groups_of(edge), group) == holds(all[group], edge),
                              "round ", round, ", ", to_string(edge), ", group ", group);
    }
}
