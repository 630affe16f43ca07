// SPDX-License-Identifier: Apache-2.0
// The program, but for its process: arguments and streams in, exit code out.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace catflap::cli {

// `arguments` without the program's name.
int run(std::vector<std::string> arguments, const Streams& streams);

}  // namespace catflap::cli
