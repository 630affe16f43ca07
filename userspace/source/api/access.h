// SPDX-License-Identifier: Apache-2.0
// How an API server is reached, and as whom.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace catflap::source {

// A program that prints who we are. https://kubernetes.io/docs/reference/access-authn-authz/authentication/
// #client-go-credential-plugins
struct ExecPlugin {
    std::string command;  // "": there is none
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;  // beside that of this process
    std::string api_version;
    std::string install_hint;
};

// A text, or the file that has it. The file is read anew for each connection: what is in it rotates.
struct Material {
    std::string text;
    std::filesystem::path file;

    [[nodiscard]] bool empty() const { return text.empty() && file.empty(); }
    // Fails where the file cannot be read or is empty.
    [[nodiscard]] Result<std::string> read() const;
};

struct Access {
    std::string server;    // "https://10.96.0.1:443", without a slash at its end
    Material authority;    // PEM; empty: those of the system
    Material certificate;  // PEM, of the client
    Material key;
    Material token;
    ExecPlugin exec;
    bool unverified = false;      // insecure-skip-tls-verify
    std::string tls_server_name;  // "": the host in `server`
    std::string proxy;            // "": none
};

// The URL of an API server, without slashes at its end. Fails where it is none, names a user, or is not encrypted and
// of another machine.
Result<std::string> check_server(std::string url);

// The service account of the pod that this process runs in. server: instead of the one that the environment names (it
// is reached through kube-proxy, which may not be there yet); "": that one.
Result<Access> in_cluster_access(const std::string& server);
// context: "": the file's current one.
Result<Access> kubeconfig_access(const std::filesystem::path& file, const std::string& context);

}  // namespace catflap::source
