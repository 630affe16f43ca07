// SPDX-License-Identifier: Apache-2.0
// Whether one program may interrupt another on the same CPU.
#pragma once

#include <sys/utsname.h>

#include <cstring>

namespace catflap::kernel {

// The version string names the kernel's kind of preemption: "#1 SMP PREEMPT_RT Debian 6.1.0-...".
inline bool programs_interleave() {
    utsname name{};
    return uname(&name) == 0 && std::strstr(name.version, "PREEMPT_RT") != nullptr;
}

}  // namespace catflap::kernel
