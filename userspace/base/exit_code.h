// SPDX-License-Identifier: Apache-2.0
// How every program of catflap ends, and what an answer on the control socket asks the client to end with.
#pragma once

namespace catflap {

enum ExitCode : int {
    kDone = 0,
    kRefused = 1,   // what was asked for was refused, or failed
    kUsage = 2,     // it was asked for in a wrong way
    kNoAccess = 3,  // catflap: no agent answers; catflapd and catflap-bench: no permission
};

}  // namespace catflap
