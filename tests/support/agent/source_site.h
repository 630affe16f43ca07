// SPDX-License-Identifier: Apache-2.0
// A directory of manifests for one test.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace catflap::test {

class SourceSite {
  public:
    SourceSite() {
        std::string pattern = std::filesystem::temp_directory_path() / "catflap-source-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        directory_ = pattern;
    }
    SourceSite(const SourceSite&) = delete;
    SourceSite& operator=(const SourceSite&) = delete;
    ~SourceSite() { std::filesystem::remove_all(directory_); }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    void put(const std::string& name, const std::string& text) const {
        // In one step, as an editor does it: a half-written file would be read, too.
        std::ofstream(directory_ / ("." + name)) << text;
        std::filesystem::rename(directory_ / ("." + name), directory_ / name);
    }
    void remove(const std::string& name) const { std::filesystem::remove(directory_ / name); }

  private:
    std::filesystem::path directory_;
};

}  // namespace catflap::test
