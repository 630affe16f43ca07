// SPDX-License-Identifier: Apache-2.0
// The thread that talks to the API server: a reflector for each kind, and the keeper of this agent's
// Lease, over one connection. Whatever takes long there
// (names, TLS, credential plug-ins, decoding 100,000 pods) takes no time from the loop that enforces.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "source/api/access.h"
#include "source/api/lease_keeper.h"
#include "source/api/mailbox.h"

namespace catflap::source {

class Feeder {
  public:
    // mailbox: outlives it. question: that the first lists answer.
    static Result<std::unique_ptr<Feeder>> start(const Access& access, const LeaseOptions& lease, Mailbox& mailbox,
                                                 uint64_t question);
    Feeder(const Feeder&) = delete;
    Feeder& operator=(const Feeder&) = delete;
    ~Feeder();

    // Lists everything again; the lists come with this number, or a later one. From any thread.
    void doubt(uint64_t question);

  private:
    struct Parts;
    Feeder(std::unique_ptr<Parts> parts, uint64_t question);
    void run();

    std::unique_ptr<Parts> parts_;
    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> question_;
    std::thread thread_;
};

}  // namespace catflap::source
