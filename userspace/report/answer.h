// SPDX-License-Identifier: Apache-2.0
// The control protocol's requests and their answers (docs/cli.md, a contract).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "report/event.h"
#include "report/explanation.h"
#include "report/page.h"
#include "report/status.h"
#include "report/verification.h"

namespace catflap::report {

struct Settled {
    std::optional<uint64_t> question;  // the source was asked, and has not answered yet: call again with it
    std::string trouble;               // why it may take longer; ""
    std::vector<Notice> refused;
};

// Who is asked.
class Responder {
  public:
    virtual ~Responder() = default;

    // `settle`: everything that the source holds by now is in force. question: what an earlier call returned; nothing:
    // the first one.
    virtual Result<Settled> settle(std::optional<uint64_t> question) = 0;
    [[nodiscard]] virtual Status status() const = 0;
    // Fails with why there is nothing to list yet.
    [[nodiscard]] virtual Result<> is_ready() const = 0;
    virtual Result<> list(Page& page) const = 0;
    // Fails with what is wrong with the question.
    [[nodiscard]] virtual Result<Explanation> explain(const Question& question) const = 0;
    // question: what an earlier call returned; nothing: a pass of its own, which mends what it finds if it is to. Fails
    // where this mode has nothing to compare.
    virtual Result<Verified> verify(std::optional<uint64_t> question, bool repair) = 0;
    // Returns the number of the stream by which this listener is told, see control_server.h. Fails with what is wrong
    // with the question (EINVAL), or why nobody can be told.
    virtual Result<uint64_t> monitor(const MonitorQuestion& /*question*/) { return fail("nobody can be told here"); }
    [[nodiscard]] virtual std::string mode() const = 0;
    [[nodiscard]] virtual uint64_t commits() const = 0;
};

nlohmann::json answer(Responder& responder, const nlohmann::json& request);

}  // namespace catflap::report
