// SPDX-License-Identifier: Apache-2.0
// A directory of manifests (*.yaml, *.yml, *.json), watched by inotify.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "source/source.h"

namespace catflap::source {

// In the directory, it says that a source without manifests, or without Pods of this node, is meant.
constexpr const char* kEmptiedOnPurpose = "emptied-on-purpose";

struct DirectoryOptions {
    std::string node;             // as expect_pods_of()
    std::filesystem::path cache;  // where what is in force outlives the process; "": nowhere
};

class Directory : public Source {
  public:
    // Reads every manifest and starts to watch. Fails where the directory cannot be read and no cache knows what it
    // held; bad manifests are not a failure, they are in refusals().
    static Result<Directory> open(const std::filesystem::path& path, const DirectoryOptions& options = {});
    Directory(Directory&&) noexcept;
    Directory& operator=(Directory&&) noexcept;
    ~Directory() override;

    [[nodiscard]] std::string describe() const override;
    [[nodiscard]] int fd() const override;

    // Fails where the directory has gone or cannot be read, and where it looks emptied: no manifest is left, or no Pod
    // of the expected node, or it is another directory and has no policy any more. patient: a policy whose file is
    // gone, and a directory that was away, are looked at again a second later before they are believed.
    Result<bool> refresh(bool patient) override;
    Result<bool> refresh() { return refresh(false); }
    [[nodiscard]] Result<> is_complete() const override { return {}; }  // open() has read it
    void expect_pods_of(const std::string& node) override;
    [[nodiscard]] bool emptied_on_purpose() const override;
    void doubt() override;

    [[nodiscard]] const Cluster& cluster() const override;
    [[nodiscard]] const Changes& changes() const override;
    Changes take_changes() override;
    [[nodiscard]] const std::vector<Diagnostic>& refusals() const override;
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const override;

    [[nodiscard]] bool unsaved() const override;
    Result<> save() override;
    [[nodiscard]] const CacheStatus* cache_status() const override;

  private:
    struct State;
    explicit Directory(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace catflap::source
