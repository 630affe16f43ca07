// SPDX-License-Identifier: Apache-2.0
// The manifests that a command was given: files, directories of them, - for the standard input.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "source/catalog/catalog.h"

namespace catflap::cli {

class Manifests {
  public:
    explicit Manifests(const Session& session) : session_(session) {}

    // Says on stderr what cannot be read.
    void take(const std::string& argument);
    // Call it once, after the last take().
    void publish() { catalog_.publish(); }

    [[nodiscard]] const source::Catalog& catalog() const { return catalog_; }
    [[nodiscard]] size_t objects_taken() const { return taken_; }
    // Everything was read, and nothing refused.
    [[nodiscard]] bool complete() const { return catalog_.refusals().empty() && !unread_; }

    [[nodiscard]] bool everything_read() const { return !unread_; }

  private:
    void take_directory(const std::filesystem::path& path);
    void take_file(const std::string& path);
    void take_stream();
    void take_text(const std::string& name, Result<std::string> text);
    void could_not(const std::string& what) {
        session_.complain(what);
        unread_ = true;
    }

    const Session& session_;
    source::Catalog catalog_;
    size_t taken_ = 0;
    bool unread_ = false;
};

}  // namespace catflap::cli
