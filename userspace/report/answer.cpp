// SPDX-License-Identifier: Apache-2.0
#include "report/answer.h"

#include <nlohmann/json.hpp>

#include "base/exit_code.h"

namespace catflap::report {
namespace {

using nlohmann::json;

json failure(const std::string& message, ExitCode exit_code) {
    return {{"ok", false}, {"error", message}, {"exit", exit_code}};
}

json settle(Responder& responder, const json& request) {
    const json question = request.value("question", json());
    const auto settled =
        responder.settle(question.is_number_unsigned() ? std::optional(question.get<uint64_t>()) : std::nullopt);
    if (!settled)
        return failure(settled.error().message, kRefused);
    if (const std::optional<uint64_t>& pending = settled->question; pending)
        return {{"ok", true}, {"pending", *pending}, {"trouble", settled->trouble}};
    return {{"ok", true}, {"refused", to_json(settled->refused)}};
}

json get(const Responder& responder, const json& request) {
    auto query = parse_query(request);
    if (!query)
        return failure(query.error().message, kUsage);
    Page page(std::move(*query));
    if (auto done = responder.list(page); !done)
        return failure(done.error().message, kRefused);
    json answer = std::move(page).answer();
    answer["mode"] = responder.mode();
    answer["state"] = responder.commits();
    return answer;
}

json explain(const Responder& responder, const json& request) {
    const auto explanation = responder.explain(parse_question(request));
    if (!explanation)
        return failure(explanation.error().message, kUsage);
    return {{"ok", true}, {"explanation", to_json(*explanation)}};
}

json verify(Responder& responder, const json& request) {
    const json question = request.value("question", json());
    const json repair = request.value("repair", json(false));
    const auto verified =
        responder.verify(question.is_number_unsigned() ? std::optional(question.get<uint64_t>()) : std::nullopt,
                         repair.is_boolean() && repair.get<bool>());
    if (!verified)
        return failure(verified.error().message, kNoAccess);
    if (verified->question)
        return {{"ok", true}, {"pending", *verified->question}};
    return {{"ok", true}, {"verification", to_json(verified->verification)}};
}

json monitor(Responder& responder, const json& request) {
    const auto stream = responder.monitor(parse_monitor(request));
    if (!stream)
        return failure(stream.error().message, stream.error().code == EINVAL ? kUsage : kRefused);
    return {{"ok", true}, {"mode", responder.mode()}, {"stream", *stream}};
}

}  // namespace

json answer(Responder& responder, const json& request) {
    const std::string command = request.value("command", "");
    if (command == "settle")
        return settle(responder, request);
    if (command == "status")
        return {{"ok", true}, {"status", to_json(responder.status())}};
    if (const auto ready = responder.is_ready(); !ready)
        return failure(ready.error().message, kRefused);
    if (command == "get")
        return get(responder, request);
    if (command == "explain")
        return explain(responder, request);
    if (command == "verify")
        return verify(responder, request);
    if (command == "monitor")
        return monitor(responder, request);
    return failure("there is no command \"" + command + "\"", kUsage);
}

}  // namespace catflap::report
