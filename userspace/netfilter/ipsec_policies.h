// SPDX-License-Identifier: Apache-2.0
// The kernel's IPsec policies (XFRM): they encrypt what is forwarded, and refuse what should have come encrypted.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace catflap::netfilter {

// How many there are for packets that come in, go out or are forwarded, in the calling thread's network namespace
// (XFRM_MSG_GETSPDINFO). 0 also where the kernel has none. Needs CAP_NET_ADMIN.
Result<uint32_t> count_ipsec_policies();

}  // namespace catflap::netfilter
