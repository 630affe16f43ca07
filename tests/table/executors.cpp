// SPDX-License-Identifier: Apache-2.0
#include "table/executors.h"

#include "support/executors/iptables_executor.h"
#include "support/executors/kernel_executor.h"
#include "support/executors/tables_executor.h"

namespace catflap::test {

std::vector<ExecutorFactory> executor_factories() {
    return {make_oracle_executor, make_tables_executor, make_iptables_executor, make_kernel_executor};
}

}  // namespace catflap::test
