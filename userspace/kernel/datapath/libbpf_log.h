// SPDX-License-Identifier: Apache-2.0
// What libbpf says, kept for the moment when a load fails: it holds the verifier's reason. It is not printed as it
// comes, for to ask for a filter that is not there is no error.
#pragma once

#include <string>

namespace catflap::kernel {

void keep_libbpf_log();
// The last 16 KiB; who is about to try something clears it.
std::string& libbpf_log();
std::string last_line_of(std::string log);

}  // namespace catflap::kernel
