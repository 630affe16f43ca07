// SPDX-License-Identifier: Apache-2.0
// The configuration file: the flags' names, without their dashes. YAML ("log-level: debug"), or CLI11's own lines
// ("log-level = debug"); the first line that says something tells which.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace catflap::agent {

class ConfigFile final : public CLI::ConfigINI {
  public:
    // Fails, by CLI::FileError, with what is wrong with the text and where.
    [[nodiscard]] std::vector<CLI::ConfigItem> from_config(std::istream& stream) const override;
};

}  // namespace catflap::agent
