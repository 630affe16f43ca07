// SPDX-License-Identifier: Apache-2.0
// The list of everyone who judges the truth tables and the fuzzer's packets. Adding one is adding a
// line.
#pragma once

#include <vector>

#include "support/executors/executor.h"

namespace catflap::test {

// The oracle is first: the others are compared with it.
std::vector<ExecutorFactory> executor_factories();

}  // namespace catflap::test
