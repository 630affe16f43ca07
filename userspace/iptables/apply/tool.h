// SPDX-License-Identifier: Apache-2.0
// The programs that write and read the kernel's rules and sets, run without a shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace catflap::iptables {

// The program's absolute path, by PATH and in the directories of system programs, which are not in every PATH. Fails
// with what to install.
Result<std::string> find_tool(const std::string& name);

// Runs it with `input` on its standard input; returns its standard output. A program that ends with anything but 0 is a
// failure: what it wrote to its standard error, and the line of the input that it complains of.
Result<std::string> run_tool(const std::vector<std::string>& command, std::string_view input = {});

}  // namespace catflap::iptables
