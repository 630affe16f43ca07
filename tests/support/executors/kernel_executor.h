// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/executors/executor.h"

namespace catflap::test {

// The loaded programs, by BPF_PROG_TEST_RUN: a packet of the hop's protocol on the pod's veth.
std::unique_ptr<Executor> make_kernel_executor();

}  // namespace catflap::test
