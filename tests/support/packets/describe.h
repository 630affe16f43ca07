// SPDX-License-Identifier: Apache-2.0
// A frame in words, for the message of a test that failed:
// "IPv4 10.0.0.2 -> 10.0.0.1, TCP 40000 -> 80 [SYN], 54 bytes".
#pragma once

#include <string>

#include "support/packets/packet.h"

namespace catflap::test {

// Never fails: what it cannot read it gives as hexadecimal bytes.
std::string describe(const Bytes& frame);

}  // namespace catflap::test
