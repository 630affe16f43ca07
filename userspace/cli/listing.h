// SPDX-License-Identifier: Apache-2.0
// A list of the agent's, page by page.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/client.h"
#include "report/kinds.h"

namespace catflap::cli {

struct ListRequest {
    report::Kind kind = report::Kind::endpoints;
    std::vector<std::string> names;
    std::string endpoint;
    size_t limit = 0;  // items; 0: all
    bool members = true;
};

struct ListResult {
    bool audit = false;                // nothing is dropped in this mode
    bool changed = false;              // something was committed between the first page and the last
    bool more = false;                 // the limit ended it
    std::vector<std::string> missing;  // names that nothing had
};

// Every item once, parts of one put together. begin: called once, before the first item; audit as in ListResult.
class Listing {
  public:
    explicit Listing(Client client) : client_(std::move(client)) {}
    using Begin = std::function<void(bool audit)>;
    using Take = std::function<void(const nlohmann::json& item)>;
    tl::expected<ListResult, Refusal> run(const ListRequest& request, const Begin& begin, const Take& take);

  private:
    void take_part(nlohmann::json item, const Take& take);
    void give(const Take& take);

    Client client_;
    std::optional<nlohmann::json> item_;  // the next page may go on with it
    size_t given_ = 0;
    size_t limit_ = 0;
};

}  // namespace catflap::cli
