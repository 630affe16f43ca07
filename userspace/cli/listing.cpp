// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <algorithm>

#include "cli/command.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

json to_question(const ListRequest& request) {
    json question = {{"command", "get"}, {"kind", report::info_of(request.kind).name}, {"names", request.names}};
    if (!request.endpoint.empty())
        question["endpoint"] = request.endpoint;
    if (!request.members)
        question["members"] = false;
    return question;
}

}  // namespace

void Listing::give(const Take& take) {
    if (!item_)
        return;
    if (limit_ == 0 || given_ < limit_)
        take(*item_);
    ++given_;
    item_.reset();
}

// A set of very many members comes in parts.
void Listing::take_part(json item, const Take& take) {
    if (!item_ || !item.value("continued", false)) {
        give(take);
        item_ = std::move(item);
        return;
    }
    json& members = (*item_)["members"];
    for (json& member : item["members"])
        members.push_back(std::move(member));
    (*item_)["addresses"] = members.size();
}

tl::expected<ListResult, Refusal> Listing::run(const ListRequest& request, const Begin& begin, const Take& take) {
    ListResult result;
    std::set<std::string> missing(request.names.begin(), request.names.end());
    limit_ = request.limit;
    json question = to_question(request);
    json first_state;
    for (bool begun = false;;) {
        if (limit_ > 0)
            question["limit"] = limit_ - std::min(limit_, given_ + item_.has_value()) + 1;
        auto answer = client_.ask(question);
        if (!answer)
            return tl::unexpected(answer.error());
        const json state = answer->value("state", json());
        if (!begun) {
            result.audit = answer->value("mode", "") == "audit";
            begin(result.audit);
            first_state = state;
        }
        begun = true;
        result.changed |= state != first_state;
        for (const std::string& name : answer->value("found", std::vector<std::string>{}))
            missing.erase(name);
        for (json& item : (*answer)["items"])
            take_part(std::move(item), take);
        const std::string next = answer->value("next", "");
        result.more = limit_ > 0 && given_ + item_.has_value() > limit_;
        if (next.empty() || result.more)
            break;
        if (next == question.value("after", ""))
            return tl::unexpected(
                Refusal{kRefused, "the agent's list does not go on; a defect of catflap, please report it"});
        question["after"] = next;
    }
    give(take);
    result.missing.assign(missing.begin(), missing.end());
    return result;
}

}  // namespace catflap::cli
