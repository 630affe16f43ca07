// SPDX-License-Identifier: Apache-2.0
#include "source/catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "source/catalog/cluster_objects.h"

namespace catflap::source {
namespace {

std::vector<const std::string*> difference(const std::vector<const std::string*>& from,
                                           const std::vector<const std::string*>& without) {
    std::vector<const std::string*> rest;
    std::ranges::set_difference(from, without, std::back_inserter(rest), std::less<>{});
    return rest;
}

// "": it could not be told which.
std::unordered_set<std::string> refused_objects(const Decoded& decoded) {
    std::unordered_set<std::string> refused;
    for (const Diagnostic& refusal : decoded.refusals)
        refused.insert(refusal.object);
    return refused;
}

std::unordered_set<std::string> some_of(const std::unordered_set<std::string>& names,
                                        const std::vector<const std::string*>& keys) {
    std::unordered_set<std::string> both;
    if (!names.empty())
        for (const std::string* key : keys)
            if (names.contains(*key))
                both.insert(*key);
    return both;
}

bool stands_in(const Object& object) {
    const auto* policy = std::get_if<Policy>(&object);
    return policy != nullptr && policy->stands_in;
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
    const std::unordered_set<std::string> refused = refused_objects(decoded);
    std::vector<const std::string*> keys;
    keys.reserve(decoded.objects.size());
    for (LocatedObject& located : decoded.objects)
        keys.push_back(claim(file_name, std::move(located)));
    std::ranges::sort(keys, std::less<>{});
    const std::unordered_set<std::string> taken = some_of(refused, keys);
    std::erase_if(decoded.stand_ins, [&](const LocatedObject& located) {
        const std::string key = object_key(located.object);
        return taken.contains(key) || has_good_claim(file_name, key);
    });
    const std::vector<const std::string*> missing = difference(file.keys, keys);
    for (const std::string* key : missing) {
        if (refused.contains("") || refused.contains(*key))
            keys.push_back(key);
        else
            release(file_name, *key);
    }
    std::ranges::sort(keys, std::less<>{});
    claim_stand_ins(file_name, std::move(decoded.stand_ins), keys);
    say_what_is_in_force(file_name, taken, decoded.refusals);
    file.keys = std::move(keys);
    file.refusals = std::move(decoded.refusals);
    file.warnings = std::move(decoded.warnings);
}

void Catalog::claim_stand_ins(const std::string& file_name, std::vector<LocatedObject> stand_ins,
                              std::vector<const std::string*>& keys) {
    for (LocatedObject& located : stand_ins) {
        const std::string* key = claim(file_name, std::move(located));
        const auto place = std::ranges::lower_bound(keys, key, std::less<>{});
        if (place == keys.end() || *place != key)
            keys.insert(place, key);
    }
}

bool Catalog::has_good_claim(const std::string& file, const std::string& key) const {
    const auto entry = claims_.find(key);
    return entry != claims_.end() && std::ranges::any_of(entry->second, [&](const Claim& claim) {
               return *claim.file == file && !claim.stands_in;
           });
}

void Catalog::say_what_is_in_force(const std::string& file_name, const std::unordered_set<std::string>& taken,
                                   std::vector<Diagnostic>& refusals) const {
    using InForce = Diagnostic::InForce;
    const File& file = files_.at(file_name);
    for (Diagnostic& refusal : refusals) {
        if (refusal.object.empty())
            refusal.in_force = file.keys.empty() ? InForce::nothing : InForce::last_good;
        else if (taken.contains(refusal.object))
            refusal.in_force = InForce::untold;  // of two with one name
        else if (const auto entry = claims_.find(refusal.object); entry == claims_.end())
            refusal.in_force = InForce::nothing;
        else
            refusal.in_force = entry->second.front().stands_in ? InForce::isolated : InForce::last_good;
    }
}

void Catalog::remove(const std::string& file_name) {
    const auto file = files_.find(file_name);
    if (file == files_.end())
        return;
    for (const std::string* key : file->second.keys)
        release(file_name, *key);
    std::erase_if(touched_, [&](const FileAndKey& one) { return one.first == &file->first; });
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
    Claims::value_type& entry = *claims_.try_emplace(object_key(located.object)).first;
    std::vector<Claim>& claims = entry.second;
    const auto own = std::ranges::find_if(claims, [&](const Claim& claim) { return *claim.file == file; });
    if (own != claims.end() && own->stands_in != stands_in(located.object))
        drop_claim(entry, own);
    place_claim(entry, file, std::move(located));
    return &entry.first;
}

void Catalog::place_claim(Claims::value_type& entry, const std::string& file, LocatedObject located) {
    auto& [key, claims] = entry;
    const bool is_stand_in = stands_in(located.object);
    auto place = std::ranges::lower_bound(
        claims, std::pair(is_stand_in, std::string_view(file)), {},
        [](const Claim& claim) { return std::pair(claim.stands_in, std::string_view(*claim.file)); });
    bool changed = false;
    if (place == claims.end() || *place->file != file) {
        if (place == claims.begin() && !claims.empty())
            place->shadowed = std::make_unique<Object>(extract_object(cluster_, key, changes_));
        place = claims.insert(place, Claim{&file, 0, is_stand_in, nullptr});
        if (claims.size() > 1)
            contested_.insert(key);
        changed = true;
    }
    place->line = located.line;
    if (place == claims.begin()) {
        changed = put(std::move(located.object)) || changed;
    } else {
        changed = changed || !place->shadowed || *place->shadowed != located.object;
        place->shadowed = std::make_unique<Object>(std::move(located.object));
    }
    if (changed)
        touch(file, key);
}

// The object of the last claim stays in the cluster: another claim of it follows, or it is taken out.
void Catalog::drop_claim(Claims::value_type& entry, std::vector<Claim>::iterator place) {
    auto& [key, claims] = entry;
    const bool in_force = place == claims.begin();
    touched_.erase({place->file, &key});
    claims.erase(place);
    if (claims.size() < 2)
        contested_.erase(key);
    if (in_force && !claims.empty())
        put(std::move(*std::exchange(claims.front().shadowed, nullptr)));
}

void Catalog::release(const std::string& file, const std::string& key) {
    const auto entry = claims_.find(key);
    drop_claim(*entry, std::ranges::find_if(entry->second, [&](const Claim& claim) { return *claim.file == file; }));
    if (follows_)
        given_up_.emplace(file, key);
    if (!entry->second.empty())
        return;
    extract_object(cluster_, key, changes_);
    changed_ = true;
    claims_.erase(entry);
}

bool Catalog::put(Object object) {
    const bool changed = put_object(cluster_, std::move(object), changes_);
    changed_ = changed || changed_;
    return changed;
}

void Catalog::add_conflicts(std::vector<Diagnostic>& refusals) const {
    for (const std::string& key : contested_) {
        const std::vector<Claim>& claims = claims_.at(key);
        const Claim& first = claims.front();
        for (const Claim& later : claims)
            if (later.shadowed && !later.stands_in && !holds_object(cluster_, *later.shadowed))
                refusals.push_back(
                    {*later.file, later.line, key, "",
                     fmt::format("is already defined in {}:{}, which comes first; keep one", *first.file, first.line)});
    }
}

}  // namespace catflap::source
