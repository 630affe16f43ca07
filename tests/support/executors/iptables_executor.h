// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/executors/executor.h"

namespace catflap::test {

// Renders iptables mode's chains and walks them.
std::unique_ptr<Executor> make_iptables_executor();

}  // namespace catflap::test
