// SPDX-License-Identifier: Apache-2.0
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
#include <fmt/ranges.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

#include "source/api/access.h"
#include "source/api/base64.h"
#include "source/decode/document.h"

namespace catflap::source {
namespace {

// A mapping of the file, or nothing.
class Section {
  public:
    Section(const Value* value, std::string path) : value_(value), path_(std::move(path)) {}

    [[nodiscard]] const Value* get(std::string_view key) const {
        const Value* value = value_ == nullptr ? nullptr : find(value_->entries(), key);
        return value == nullptr || value->kind() == Value::Kind::null ? nullptr : value;
    }
    [[nodiscard]] Section section(std::string_view key) const { return {get(key), path_ + "." + std::string(key)}; }
    [[nodiscard]] bool exists() const { return value_ != nullptr; }
    [[nodiscard]] std::string text(std::string_view key) const {
        const Value* value = get(key);
        return value == nullptr ? std::string() : std::string(value->text());
    }
    [[nodiscard]] bool flag(std::string_view key) const {
        const Value* value = get(key);
        return value != nullptr && plain_type(value->text()) == PlainType::boolean && plain_boolean(value->text());
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::span<const Value* const> items(std::string_view key) const {
        const Value* value = get(key);
        return value == nullptr ? std::span<const Value* const>() : value->items();
    }

  private:
    const Value* value_;
    std::string path_;
};

struct Reader {
    std::filesystem::path file;
    Access access{};

    // "clusters" is a list of {name, cluster}.
    [[nodiscard]] Result<Section> named(const Section& root, std::string_view list, std::string_view member,
                                        const std::string& name) const {
        std::vector<std::string> others;
        for (const Value* item : root.items(list)) {
            const Section entry(item, fmt::format("{}[{}]", list, name));
            if (entry.text("name") == name)
                return entry.section(member);
            others.push_back(entry.text("name"));
        }
        return fail("{}: no \"{}\" among {} ({})", file.string(), name, list,
                    others.empty() ? "there are none" : fmt::format("{}", fmt::join(others, ", ")));
    }
    // Data goes before a file, whose path is meant from the kubeconfig's directory.
    Result<> material(const Section& section, const std::string& name, Material& to) const {
        const std::string data = section.text(name + "-data");
        if (!data.empty()) {
            auto text = decode_base64(data);
            if (!text)
                return fail_because(text.error(), "{}: {}.{}-data", file.string(), section.path(), name);
            to.text = std::move(*text);
        } else if (const std::string path = section.text(name); !path.empty()) {
            to.file = file.parent_path() / path;
        }
        return {};
    }

    Result<> cluster(const Section& section);
    Result<> user(const Section& section);
    Result<> exec(const Section& section);
    Result<> document(const Value& document, std::string context);
};

Result<> Reader::cluster(const Section& section) {
    auto server = check_server(section.text("server"));
    if (!server)
        return fail_because(server.error(), "{}: {}.server", file.string(), section.path());
    access.server = std::move(*server);
    access.unverified = section.flag("insecure-skip-tls-verify");
    access.tls_server_name = section.text("tls-server-name");
    access.proxy = section.text("proxy-url");
    if (auto done = material(section, "certificate-authority", access.authority); !done)
        return done;
    if (access.unverified && !access.authority.empty())
        return fail("{}: {}: insecure-skip-tls-verify beside a certificate-authority; leave one of them out",
                    file.string(), section.path());
    return {};
}

Result<> Reader::exec(const Section& section) {
    access.exec.command = section.text("command");
    access.exec.api_version = section.text("apiVersion");
    access.exec.install_hint = section.text("installHint");
    if (access.exec.command.empty())
        return fail("{}: {}.command is missing", file.string(), section.path());
    if (section.flag("provideClusterInfo"))
        return fail("{}: {}.provideClusterInfo is not supported", file.string(), section.path());
    if (section.text("interactiveMode") == "Always")
        return fail("{}: {}.interactiveMode: an agent has nobody to ask", file.string(), section.path());
    // As client-go: a command with a slash is meant from the kubeconfig's directory, another is looked up in PATH.
    if (access.exec.command.find('/') != std::string::npos)
        access.exec.command = (file.parent_path() / access.exec.command).string();
    for (const Value* argument : section.items("args"))
        access.exec.arguments.emplace_back(argument->text());
    for (const Value* variable : section.items("env")) {
        const Section entry(variable, section.path() + ".env");
        access.exec.environment[entry.text("name")] = entry.text("value");
    }
    return {};
}

Result<> Reader::user(const Section& section) {
    for (const char* former : {"auth-provider", "username", "password"})
        if (section.get(former) != nullptr)
            return fail(
                "{}: {}.{} is not supported, as Kubernetes does not any more; use a token, a certificate or exec",
                file.string(), section.path(), former);
    if (section.get("as") != nullptr)
        return fail("{}: {}.as (impersonation) is not supported", file.string(), section.path());
    if (auto done = material(section, "client-certificate", access.certificate); !done)
        return done;
    if (auto done = material(section, "client-key", access.key); !done)
        return done;
    if (access.certificate.empty() != access.key.empty())
        return fail("{}: {}: client-certificate and client-key belong together, and one is missing", file.string(),
                    section.path());
    // As client-go: a token file goes before a token.
    if (const std::string path = section.text("tokenFile"); !path.empty())
        access.token.file = file.parent_path() / path;
    else
        access.token.text = section.text("token");
    return section.get("exec") == nullptr ? Result<>{} : exec(section.section("exec"));
}

Result<> Reader::document(const Value& document, std::string context) {
    const Section root(&document, "");
    if (document.kind() != Value::Kind::mapping || root.text("kind") != "Config")
        return fail("{} is no kubeconfig (kind: Config)", file.string());
    if (context.empty())
        context = root.text("current-context");
    if (context.empty())
        return fail("{} has no current-context; name one by --context", file.string());
    const auto chosen = named(root, "contexts", "context", context);
    if (!chosen)
        return tl::unexpected(chosen.error());
    const auto its_cluster = named(root, "clusters", "cluster", chosen->text("cluster"));
    if (!its_cluster)
        return tl::unexpected(its_cluster.error());
    if (auto done = cluster(*its_cluster); !done)
        return done;
    const std::string user_name = chosen->text("user");
    if (user_name.empty())
        return {};
    const auto its_user = named(root, "users", "user", user_name);
    return its_user ? user(*its_user) : tl::unexpected(its_user.error());
}

}  // namespace

Result<Access> kubeconfig_access(const std::filesystem::path& file, const std::string& context) {
    const auto text = Material{"", file}.read();
    if (!text)
        return fail_because(text.error(), "--kubeconfig");
    Reader reader{std::filesystem::absolute(file)};
    Result<> outcome = fail("{} is empty", file.string());
    const DocumentSink sink{.item = [](std::span<const Entry>, const Value&) { return false; },
                            .document = [&](const Value& document) { outcome = reader.document(document, context); }};
    if (const auto read = read_documents(*text, sink); !read)
        return fail("{}:{}: not YAML: {}", file.string(), read.error().line, read.error().message);
    if (!outcome)
        return tl::unexpected(outcome.error());
    return std::move(reader.access);
}

}  // namespace catflap::source
