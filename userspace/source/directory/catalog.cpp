// SPDX-License-Identifier: Apache-2.0
#include "source/directory/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "source/directory/cluster_objects.h"

namespace catflap::source {
namespace {

std::vector<const std::string*> difference(const std::vector<const std::string*>& from,
                                           const std::vector<const std::string*>& without) {
    std::vector<const std::string*> rest;
    std::ranges::set_difference(from, without, std::back_inserter(rest), std::less<>{});
    return rest;
}

void sort_by_place(std::vector<Diagnostic>& diagnostics) {
    std::ranges::stable_sort(diagnostics, {}, [](const Diagnostic& diagnostic) {
        return std::tie(diagnostic.file, diagnostic.line, diagnostic.object);
    });
}

}  // namespace

void Catalog::take(const std::string& file_name, Decoded decoded) {
    File& file = files_[file_name];
    // What `kubectl get ... > FILE` leaves when the API does not answer.
    if (decoded.empty && !decoded.unreadable && !file.keys.empty())
        decoded.refusals.push_back(
            {file_name, 0, "", "", "is empty; what it held stays in force, and goes when the file is removed"});
    std::unordered_set<std::string> refused;
    for (const Diagnostic& refusal : decoded.refusals)
        refused.insert(refusal.object);
    const bool keeps_all = refused.contains("");

    std::vector<const std::string*> keys;
    keys.reserve(decoded.objects.size());
    for (LocatedObject& located : decoded.objects)
        keys.push_back(claim(file_name, std::move(located)));
    std::ranges::sort(keys, std::less<>{});
    const std::vector<const std::string*> missing = difference(file.keys, keys);
    for (const std::string* key : missing) {
        if (keeps_all || refused.contains(*key))
            keys.push_back(key);
        else
            release(file_name, *key);
    }
    std::ranges::sort(keys, std::less<>{});
    file.keys = std::move(keys);
    file.refusals = std::move(decoded.refusals);
    file.warnings = std::move(decoded.warnings);
}

void Catalog::remove(const std::string& file_name) {
    const auto file = files_.find(file_name);
    if (file == files_.end())
        return;
    for (const std::string* key : file->second.keys)
        release(file_name, *key);
    files_.erase(file);
}

bool Catalog::publish() {
    std::vector<Diagnostic> refusals;
    std::vector<Diagnostic> warnings;
    for (const auto& [name, file] : files_) {
        refusals.insert(refusals.end(), file.refusals.begin(), file.refusals.end());
        warnings.insert(warnings.end(), file.warnings.begin(), file.warnings.end());
    }
    add_conflicts(refusals);
    sort_by_place(refusals);
    sort_by_place(warnings);
    const bool changed = std::exchange(changed_, false) || refusals != refusals_ || warnings != warnings_;
    refusals_ = std::move(refusals);
    warnings_ = std::move(warnings);
    return changed;
}

const std::string* Catalog::claim(const std::string& file_name, LocatedObject located) {
    const std::string& file = files_.find(file_name)->first;
    const auto entry = claims_.try_emplace(object_key(located.object)).first;
    const std::string& key = entry->first;
    std::vector<Claim>& claims = entry->second;
    auto place = std::ranges::lower_bound(claims, file, {},
                                          [](const Claim& claim) -> const std::string& { return *claim.file; });
    if (place == claims.end() || *place->file != file) {
        if (place == claims.begin() && !claims.empty())
            place->shadowed = std::make_unique<Object>(extract_object(cluster_, key, changes_));
        place = claims.insert(place, Claim{&file, 0, nullptr});
        if (claims.size() > 1)
            contested_.insert(key);
    }
    place->line = located.line;
    if (place == claims.begin())
        put(std::move(located.object));
    else
        place->shadowed = std::make_unique<Object>(std::move(located.object));
    return &key;
}

void Catalog::release(const std::string& file, const std::string& key) {
    const auto entry = claims_.find(key);
    std::vector<Claim>& claims = entry->second;
    const auto place = std::ranges::find_if(claims, [&](const Claim& claim) { return *claim.file == file; });
    const bool in_force = place == claims.begin();
    claims.erase(place);
    if (claims.size() < 2)
        contested_.erase(key);
    if (!claims.empty()) {
        if (in_force)
            put(std::move(*std::exchange(claims.front().shadowed, nullptr)));
        return;
    }
    extract_object(cluster_, key, changes_);
    changed_ = true;
    claims_.erase(entry);
}

void Catalog::put(Object object) {
    changed_ = put_object(cluster_, std::move(object), changes_) || changed_;
}

void Catalog::add_conflicts(std::vector<Diagnostic>& refusals) const {
    for (const std::string& key : contested_) {
        const std::vector<Claim>& claims = claims_.at(key);
        const Claim& first = claims.front();
        for (const Claim& later : claims)
            if (later.shadowed && !holds_object(cluster_, *later.shadowed))
                refusals.push_back(
                    {*later.file, later.line, key, "",
                     fmt::format("is already defined in {}:{}, which comes first; keep one", *first.file, first.line)});
    }
}

}  // namespace catflap::source
