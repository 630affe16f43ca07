// SPDX-License-Identifier: Apache-2.0
#include "table/executors.h"

namespace catflap::test {

std::vector<ExecutorFactory> executor_factories() {
    return {make_oracle_executor};
}

}  // namespace catflap::test
