// SPDX-License-Identifier: Apache-2.0
#include "source/api/partial_list.h"

#include <algorithm>
#include <iterator>

namespace catflap::source {

// A refused version leaves the good one that came before it.
void PartialList::put(ApiObject object) {
    Decoded& one = object.decoded;
    forget_diagnostics(object.key);
    if (!one.objects.empty()) {
        const auto [place, is_new] = places_.try_emplace(object.key, list_.objects.size());
        if (is_new)
            list_.objects.push_back(std::move(one.objects.front()));
        else
            list_.objects[place->second] = std::move(one.objects.front());
    }
    if (!one.stand_ins.empty() || !one.refusals.empty() || !one.warnings.empty())
        diagnosed_.insert(object.key);
    std::ranges::move(one.stand_ins, std::back_inserter(list_.stand_ins));
    std::ranges::move(one.refusals, std::back_inserter(list_.refusals));
    std::ranges::move(one.warnings, std::back_inserter(list_.warnings));
}

void PartialList::forget_diagnostics(const std::string& key) {
    if (diagnosed_.erase(key) == 0)
        return;
    const auto is_its = [&](const Diagnostic& diagnostic) { return diagnostic.object == key; };
    std::erase_if(list_.refusals, is_its);
    std::erase_if(list_.warnings, is_its);
    std::erase_if(list_.stand_ins, [&](const LocatedObject& other) { return object_key(other.object) == key; });
}

void PartialList::remove(const std::string& key) {
    forget_diagnostics(key);
    const auto place = places_.find(key);
    if (place == places_.end())
        return;
    const size_t at = place->second;
    places_.erase(place);
    if (at + 1 < list_.objects.size()) {
        list_.objects[at] = std::move(list_.objects.back());
        places_.at(object_key(list_.objects[at].object)) = at;
    }
    list_.objects.pop_back();
}

}  // namespace catflap::source
