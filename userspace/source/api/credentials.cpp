// SPDX-License-Identifier: Apache-2.0
#include "source/api/credentials.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "source/api/micro_time.h"
#include "source/api/run_program.h"

namespace catflap::source {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kRunAgain{10};
// So long before the end of what was printed its successor is asked for: nobody waits for a plug-in that does its work.
constexpr std::chrono::seconds kAhead{60};

std::string text_of(const json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : std::string();
}

}  // namespace

Result<Credentials::Printed> Credentials::run(const ExecPlugin& plugin) {
    const json request = {
        {"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}};
    auto environment = plugin.environment;
    environment["KUBERNETES_EXEC_INFO"] = request.dump();
    const auto output = run_program(plugin.command, plugin.arguments, environment, kPluginTime);
    if (!output)
        return fail("run the credential plug-in: {}{}{}", output.error().message,
                    plugin.install_hint.empty() ? "" : "; ", plugin.install_hint);
    const json answer = json::parse(*output, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object() || !answer.contains("status") || !answer["status"].is_object())
        return fail("run the credential plug-in {}: it printed no ExecCredential with a status", plugin.command);
    const json& status = answer["status"];
    Printed printed;
    printed.identity = {text_of(status, "token"), text_of(status, "clientCertificateData"),
                        text_of(status, "clientKeyData")};
    if (printed.identity.token.empty() && printed.identity.certificate.empty())
        return fail("run the credential plug-in {}: it printed neither a token nor a certificate", plugin.command);
    if (printed.identity.certificate.empty() != printed.identity.key.empty())
        return fail("run the credential plug-in {}: of certificate and key it printed one alone", plugin.command);
    const std::string until = text_of(status, "expirationTimestamp");
    printed.expires_at = parse_micro_time(until);
    if (!until.empty() && !printed.expires_at)
        return fail("run the credential plug-in {}: expirationTimestamp \"{}\" is no time", plugin.command, until);
    printed.had_expired = printed.expires_at && *printed.expires_at <= std::chrono::system_clock::now();
    printed.at = Clock::now();
    return printed;
}

// Of requests that were under way with the one before, the refusals may come after the new one.
void Credentials::renew() {
    if (printed_ && Clock::now() - printed_->at > kRunAgain)
        printed_.reset();
}

bool Credentials::lasts(std::chrono::seconds ahead) const {
    return printed_ && (!printed_->expires_at || *printed_->expires_at > std::chrono::system_clock::now() + ahead);
}

// Also what seemed to have expired when it was printed: the clock here may be wrong, and the server knows.
bool Credentials::is_usable() const {
    return lasts({}) || (printed_ && printed_->had_expired && Clock::now() - printed_->at < kRunAgain);
}

void Credentials::run_if_due() {
    // A plug-in may print the same again until the last moment: then there is nothing to wait for.
    const bool has_ended = printed_ && !printed_->had_expired && !lasts({}) && !failure_;
    if (lasts(kAhead) || running_.valid() || (!has_ended && Clock::now() < run_again_at_))
        return;
    began_at_ = Clock::now();
    run_again_at_ = began_at_ + kRunAgain;
    running_ = std::async(std::launch::async, [plugin = access_.exec] { return run(plugin); });
}

void Credentials::take(Clock::time_point until) {
    if (!running_.valid() || running_.wait_until(until) != std::future_status::ready)
        return;
    auto printed = running_.get();
    if (printed) {
        printed_ = std::move(*printed);
        failure_.reset();
    } else {
        failure_ = printed.error();
        run_again_at_ = Clock::now() + kRunAgain;
    }
}

Result<Identity> Credentials::printed_identity() {
    take(Clock::now());
    run_if_due();
    if (!is_usable())
        take(began_at_ + patience_);
    if (is_usable())
        return printed_->identity;
    if (running_.valid() || !failure_)
        return fail("run the credential plug-in {}: it has not answered yet", access_.exec.command);
    return tl::unexpected(*failure_);
}

Result<Identity> Credentials::identity() {
    if (!access_.exec.command.empty())
        return printed_identity();
    const auto token = access_.token.read();
    const auto certificate = access_.certificate.read();
    const auto key = access_.key.read();
    for (const auto* part : {&token, &certificate, &key})
        if (!*part)
            return tl::unexpected(part->error());
    return Identity{*token, *certificate, *key};
}

}  // namespace catflap::source
