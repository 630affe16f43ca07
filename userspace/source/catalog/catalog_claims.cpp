// SPDX-License-Identifier: Apache-2.0
// What a catalog would lose, and what of it has changed.
#include <algorithm>

#include "source/cache/manifest_text.h"
#include "source/catalog/catalog.h"
#include "source/catalog/cluster_objects.h"

namespace catflap::source {

namespace {

ObjectName name_of(const std::string& key) {
    const size_t space = key.find(' ');
    const size_t slash = key.find('/', space);
    return {key.substr(space + 1, slash - space - 1), key.substr(slash + 1)};
}

// Whether what a file held and is not in `decoded` stays all the same.
bool stays(const Decoded& decoded, const std::string& key) {
    return decoded.unreadable || decoded.empty || std::ranges::any_of(decoded.refusals, [&](const Diagnostic& refusal) {
               return refusal.object.empty() || refusal.object == key;
           });
}

}  // namespace

template <class T, class Wanted>
bool Catalog::loses_last(const std::map<ObjectName, T>& now, std::string_view kind, const Proposal& proposal,
                         Wanted wanted) const {
    for (const auto& [file, decoded] : proposal.taken)
        for (const LocatedObject& located : decoded.objects)
            if (const auto* object = std::get_if<T>(&located.object); object != nullptr && wanted(*object))
                return false;
    // How many files give an object up: one that another file goes on with is not lost.
    std::map<ObjectName, size_t> given_up;
    const auto give_up = [&](const std::string& name, const Decoded* decoded) {
        const auto file = files_.find(name);
        if (file == files_.end())
            return;
        for (const std::string* key : file->second.keys) {
            if (!key->starts_with(kind) || (decoded != nullptr && stays(*decoded, *key)))
                continue;
            const ObjectName object = name_of(*key);
            if (wanted(now.at(object)))
                ++given_up[object];
        }
    };
    for (const auto& [file, decoded] : proposal.taken)
        give_up(file, &decoded);
    for (const std::string& file : proposal.removed)
        give_up(file, nullptr);
    return !given_up.empty() && std::ranges::none_of(now, [&](const auto& entry) {
        if (!wanted(entry.second))
            return false;
        const auto lost = given_up.find(entry.first);
        return lost == given_up.end() || lost->second < claims_.at(object_key(Object(entry.second))).size();
    });
}

bool Catalog::loses_last_pod(const Proposal& proposal, const std::string& node) const {
    return loses_last(cluster_.pods, "Pod ", proposal, [&](const Pod& pod) { return pod.node == node; });
}

bool Catalog::loses_last_policy(const Proposal& proposal) const {
    return loses_last(cluster_.policies, "NetworkPolicy ", proposal, [](const Policy&) { return true; });
}

bool Catalog::alone_has_a_policy(const std::string& file_name) const {
    const auto file = files_.find(file_name);
    return file != files_.end() && std::ranges::any_of(file->second.keys, [&](const std::string* key) {
               return key->starts_with("NetworkPolicy ") && claims_.at(*key).size() == 1;
           });
}

void Catalog::touch(const std::string& file, const std::string& key) {
    if (follows_)
        touched_.emplace(&file, &key);
}

std::optional<KeptClaim> Catalog::kept_claim(const std::string& file, const std::string& key) const {
    const auto entry = claims_.find(key);
    if (entry == claims_.end())
        return std::nullopt;
    for (const Claim& claim : entry->second)
        if (*claim.file == file)
            return KeptClaim{claim.stands_in,
                             claim.shadowed ? manifest_text(*claim.shadowed) : manifest_of(cluster_, key)};
    return std::nullopt;
}

void Catalog::see_claims(size_t count, const See& see) {
    for (; count > 0 && !given_up_.empty(); --count) {
        const auto& [file, key] = *given_up_.begin();
        if (!see(file, key, kept_claim(file, key)))
            return;
        given_up_.erase(given_up_.begin());
    }
    for (; count > 0 && !touched_.empty(); --count) {
        const auto& [file, key] = *touched_.begin();
        if (!see(*file, *key, kept_claim(*file, *key)))
            return;
        touched_.erase(touched_.begin());
    }
}

}  // namespace catflap::source
