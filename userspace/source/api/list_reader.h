// SPDX-License-Identifier: Apache-2.0
// Reads lists of the Kubernetes API once, for a command that looks at a cluster and ends. An agent goes on watching:
// reflector.h.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/api/access.h"
#include "source/api/credentials.h"
#include "source/api/http_transport.h"
#include "source/api/resources.h"
#include "source/decode/api_object.h"

namespace catflap::source {

class ListReader {
  public:
    using Take = std::function<Result<>(std::string_view object)>;

    // patience: how long the server may be silent.
    static Result<std::unique_ptr<ListReader>> open(const Access& access, std::chrono::milliseconds patience);

    // All objects of the kind, decoded; take gets each one's JSON, too.
    Result<Decoded> read(const Resource& resource, const Take& take = {});
    // The same for a kind that has no model. path: "/api/v1/pods". selector: "labelSelector=..."; "": everything.
    Result<> read(const ApiKind& kind, const std::string& path, const std::string& selector, const Take& take);

  private:
    ListReader(const Access& access, std::chrono::milliseconds patience)
        : server_(access.server), credentials_(access, Credentials::kPluginTime), patience_(patience) {}
    // Returns the token of the next page; "": it was the last one.
    Result<std::string> read_page(const ApiKind& kind, const std::string& target, const Take& take);

    std::string server_;
    Credentials credentials_;
    std::chrono::milliseconds patience_;
    std::unique_ptr<HttpTransport> transport_;
};

}  // namespace catflap::source
