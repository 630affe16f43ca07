// SPDX-License-Identifier: Apache-2.0
// Programs that the harness starts, and files that it reads and writes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::bench {

using Words = std::vector<std::string>;

struct Place {
    std::string netns;  // a name under /run/netns; "": where the harness is
    int cpu = -1;       // -1: any
};

// Runs it to its end with this standard input. What it printed; a failure where it exits with another code than 0.
Result<std::string> run(const Words& command, const std::string& input = "", const Place& place = {});

// A program that goes on. It ends with the object, and with the harness, however that ends.
class Child {
  public:
    static Result<Child> start(const Words& command, const Place& place, const std::filesystem::path& log);

    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    ~Child() { kill(); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool alive() const;
    // SIGTERM, and waits.
    void terminate();
    void kill();

  private:
    explicit Child(pid_t pid) : pid_(pid) {}
    void end(int signal);

    pid_t pid_ = -1;
};

std::string read_text(const std::filesystem::path& path);  // "" where it cannot be read
Result<> write_text(const std::filesystem::path& path, const std::string& text);
// Puts it in place by one rename: a watcher never sees half of it.
Result<> replace_text(const std::filesystem::path& path, const std::string& text);

}  // namespace catflap::bench
