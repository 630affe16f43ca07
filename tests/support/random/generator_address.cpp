// SPDX-License-Identifier: Apache-2.0
#include "support/random/generator.h"

namespace catflap::test {
namespace {

// Adds or subtracts one, as a number of 128 bits.
Address step(const Address& address, bool up) {
    Address result = address;
    for (size_t i = result.bytes.size(); i-- > 0;) {
        const uint8_t before = result.bytes[i];
        result.bytes[i] = static_cast<uint8_t>(before + (up ? 1 : 255));
        if (before != (up ? 255 : 0))  // no carry
            return result.family() == address.family() ? result : address;
    }
    return address;
}

}  // namespace

// Few: pods, blocks and excepts shall meet. Subnets 0 to 3 with hosts near both ends of a /24
// (IPv6: of a /112), and sometimes an address of the world outside.
Address random_address(Random& random, Family family) {
    constexpr uint8_t kHosts[] = {0, 1, 2, 3, 4, 7, 8, 127, 128, 254, 255};
    const bool outside = random.chance(15);
    Address address = family == Family::ipv4 ? parse_address(outside ? "172.16.0.0" : "10.0.0.0").value()
                                             : parse_address(outside ? "2001:db8::" : "fd00::").value();
    address.bytes[family == Family::ipv4 ? 14 : 13] = static_cast<uint8_t>(random.below(4));
    address.bytes[15] = random.pick(kHosts);
    return address;
}

Address next_address(const Address& address) {
    return step(address, true);
}
Address previous_address(const Address& address) {
    return step(address, false);
}

Address last_address(const Prefix& prefix) {
    Address address = prefix.address();
    for (size_t bit = prefix.length(); bit < 128; ++bit)
        address.bytes[bit / 8] = static_cast<uint8_t>(address.bytes[bit / 8] | (0x80U >> bit % 8));
    return address;
}

}  // namespace catflap::test
