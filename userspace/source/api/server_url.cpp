// SPDX-License-Identifier: Apache-2.0
#include "source/api/server_url.h"

namespace catflap::source {

ServerUrl ServerUrl::parse(const std::string& url) {
    ServerUrl server;
    const size_t colon = url.find("://");
    server.scheme = url.substr(0, colon);
    const size_t slash = url.find('/', colon + 3);
    std::string authority = url.substr(colon + 3, slash == std::string::npos ? slash : slash - colon - 3);
    server.prefix = slash == std::string::npos ? "" : url.substr(slash);
    const size_t port = authority.rfind(':');
    const bool has_port = port != std::string::npos && authority.find(']', port) == std::string::npos;
    server.port = has_port ? authority.substr(port + 1) : server.scheme == "http" ? "80" : "443";
    server.host = authority.substr(0, has_port ? port : std::string::npos);
    return server;
}

}  // namespace catflap::source
