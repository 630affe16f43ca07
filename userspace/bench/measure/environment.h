// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace catflap::bench {

// Where the run took place: kernel, CPU, memory, versions of the tools, git revision of the tree.
std::map<std::string, std::string> describe_environment(const std::string& source_tree);

}  // namespace catflap::bench
