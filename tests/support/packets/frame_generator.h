// SPDX-License-Identifier: Apache-2.0
// Frames for the shop of kernel/fixture.h: good ones of every kind, and what becomes of them when bits go wrong.
#pragma once

#include "support/packets/packet.h"
#include "support/random/random.h"

namespace catflap::test {

// Of every protocol, with options, extension headers, fragments, errors; ARP, discovery, VLAN.
Bytes random_frame(Random& random);
// The same with up to three accidents: bits, lengths, an end that is too early or too late.
Bytes damaged(Random& random, Bytes frame);

}  // namespace catflap::test
