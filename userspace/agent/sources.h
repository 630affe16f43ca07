// SPDX-License-Identifier: Apache-2.0
// The source that the options name.
#pragma once

#include <memory>
#include <string>

#include "agent/options.h"
#include "base/result.h"
#include "source/source.h"

namespace catflap::agent {

// "directory" or "cluster", and which: its path, or its server's URL ("" before it is known).
struct SourceName {
    std::string kind;
    std::string place;
};
SourceName name_of_source(const Options& options, const source::Source* source);

// What is wrong with the options' choice of a source; nullptr: nothing.
const char* wrong_source(const Options& options);
Result<std::unique_ptr<source::Source>> open_source(const Options& options);

}  // namespace catflap::agent
