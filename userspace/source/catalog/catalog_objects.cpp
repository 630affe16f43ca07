// SPDX-License-Identifier: Apache-2.0
// A file whose objects change one by one: a watch of the Kubernetes API is such a file.
#include <algorithm>

#include "source/catalog/catalog.h"

namespace catflap::source {
namespace {

void replace_of_object(std::vector<Diagnostic>& diagnostics, const std::string& key, std::vector<Diagnostic> now) {
    std::erase_if(diagnostics, [&](const Diagnostic& diagnostic) { return diagnostic.object == key; });
    std::ranges::move(now, std::back_inserter(diagnostics));
}

}  // namespace

void Catalog::take_object(const std::string& file_name, const std::string& key, Decoded decoded) {
    File& file = files_[file_name];
    std::vector<LocatedObject> taken = std::move(decoded.objects);
    if (!has_good_claim(file_name, key))
        std::ranges::move(decoded.stand_ins, std::back_inserter(taken));
    for (LocatedObject& located : taken) {
        const std::string* claimed = claim(file_name, std::move(located));
        const auto place = std::ranges::lower_bound(file.keys, claimed, std::less<>{});
        if (place == file.keys.end() || *place != claimed)
            file.keys.insert(place, claimed);
    }
    say_what_is_in_force(file_name, {}, decoded.refusals);
    replace_of_object(file.refusals, key, std::move(decoded.refusals));
    replace_of_object(file.warnings, key, std::move(decoded.warnings));
}

void Catalog::remove_object(const std::string& file_name, const std::string& key) {
    const auto file = files_.find(file_name);
    if (file == files_.end())
        return;
    replace_of_object(file->second.refusals, key, {});
    replace_of_object(file->second.warnings, key, {});
    const auto entry = claims_.find(key);
    if (entry == claims_.end())
        return;
    const auto place = std::ranges::lower_bound(file->second.keys, &entry->first, std::less<>{});
    if (place == file->second.keys.end() || *place != &entry->first)
        return;
    file->second.keys.erase(place);
    release(file_name, key);
}

}  // namespace catflap::source
