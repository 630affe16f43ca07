// SPDX-License-Identifier: Apache-2.0
// The line that says what the harness is doing, and how long it will go on.
#pragma once

#include <cstdint>
#include <string>

namespace catflap::bench {

// "3 min 20 s"
std::string duration_text(double seconds);

class Progress {
  public:
    // terminal: one line that is written over and over; otherwise a line now and then.
    explicit Progress(bool terminal);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // What is still to come, in seconds as they were guessed before it began.
    void plan(double seconds) { planned_ += seconds; }
    // Begins a step of that planned length.
    void step(const std::string& what, double seconds);
    // A line that stays.
    void say(const std::string& text);
    [[nodiscard]] double elapsed() const;
    // Planned seconds that remain, by how good the guesses were so far.
    [[nodiscard]] double left() const;

  private:
    void show(const std::string& what);

    bool terminal_;
    uint64_t begin_ns_;
    uint64_t shown_ns_ = 0;
    double planned_ = 0;
    double done_ = 0;
    double current_ = 0;
};

}  // namespace catflap::bench
