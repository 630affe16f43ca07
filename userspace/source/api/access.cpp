// SPDX-License-Identifier: Apache-2.0
#include "source/api/access.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace catflap::source {
namespace {

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

}  // namespace

Result<std::string> Material::read() const {
    if (file.empty())
        return text;
    std::ifstream stream(file, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(stream), {}};
    if (!stream.is_open() || stream.bad())
        return fail_errno(errno, "read {}", file.string());
    while (!content.empty() && (content.back() == '\n' || content.back() == ' '))
        content.pop_back();
    if (content.empty())
        return fail("read {}: it is empty", file.string());
    return content;
}

Result<std::string> check_server(std::string url) {
    while (url.ends_with('/'))
        url.pop_back();
    const bool secure = url.starts_with("https://");
    const size_t scheme = secure ? 8 : url.starts_with("http://") ? 7 : std::string::npos;
    const std::string authority = scheme == std::string::npos ? "" : url.substr(scheme, url.find('/', scheme) - scheme);
    const std::string host =
        authority.substr(0, authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':'));
    if (host.empty() || authority.find('@') != std::string::npos)
        return fail("\"{}\" has to be a URL (https://HOST:PORT)",
                    authority.find('@') == std::string::npos ? url : "...");
    if (!secure && host != "localhost" && !host.starts_with("127.") && host != "[::1]")
        return fail("\"{}\" is not encrypted: whoever is on the way decides what is enforced; use https://", url);
    return url;
}

Result<Access> in_cluster_access(const std::string& server) {
    const std::string host = environment("KUBERNETES_SERVICE_HOST");
    const std::string port = environment("KUBERNETES_SERVICE_PORT");
    if (server.empty() && (host.empty() || port.empty()))
        return fail(
            "--in-cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is not a pod of a "
            "cluster; use --kubeconfig FILE, or name the server by --api-server URL");
    const std::filesystem::path directory = kServiceAccount;
    Access access;
    access.server = !server.empty()                       ? server
                    : host.find(':') != std::string::npos ? fmt::format("https://[{}]:{}", host, port)
                                                          : fmt::format("https://{}:{}", host, port);
    access.token.file = directory / "token";
    access.authority.file = directory / "ca.crt";
    for (const Material* material : {&access.token, &access.authority})
        if (const auto content = material->read(); !content)
            return fail_because(content.error(), "--in-cluster: the service account of this pod");
    return access;
}

}  // namespace catflap::source
