// SPDX-License-Identifier: Apache-2.0
#include "model/labels.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace catflap {
namespace {

using Items = std::vector<Labels::value_type>;

size_t hash_of(const Items& items) {
    size_t hash = items.size();
    for (const auto& [name, value] : items)
        for (const std::string* text : {&name, &value})
            hash = hash * 0x9e3779b97f4a7c15ULL + std::hash<std::string>()(*text);
    return hash;
}

// Every distinct set of labels that is in use. Those that are not used any more are taken out when their number may
// have reached that of the others.
class Pool {
  public:
    std::shared_ptr<const Items> find_or_add(const std::shared_ptr<const Items>& items) {
        const std::lock_guard lock(mutex_);
        const size_t hash = hash_of(*items);
        const auto [first, last] = known_.equal_range(hash);
        for (auto known = first; known != last; ++known)
            if (auto there = known->second.lock(); there && *there == *items)
                return there;
        if (known_.size() >= sweep_at_)
            sweep();
        known_.emplace(hash, items);
        return items;
    }

  private:
    void sweep() {
        std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
        sweep_at_ = std::max(kFewest, known_.size() * 2);
    }

    static constexpr size_t kFewest = 1024;
    std::mutex mutex_;
    std::unordered_multimap<size_t, std::weak_ptr<const Items>> known_;
    size_t sweep_at_ = kFewest;
};

// Never destroyed: labels may outlive whatever is destroyed at the process's end.
Pool& pool() {
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory,cppcoreguidelines-avoid-non-const-global-variables)
    static auto* const kPool = new Pool;
    return *kPool;
}

constexpr auto kByName = [](const Labels::value_type& label, std::string_view name) { return label.first < name; };

}  // namespace

Labels::Labels(std::initializer_list<value_type> labels) : Labels(Items(labels)) {}

Labels::Labels(std::vector<value_type> labels) {
    if (labels.empty())
        return;
    std::ranges::stable_sort(labels, {}, &value_type::first);
    labels.erase(std::ranges::unique(labels, {}, &value_type::first).begin(), labels.end());
    labels.shrink_to_fit();
    items_ = std::make_shared<const Items>(std::move(labels));
}

constinit const Labels::Items Labels::kNone;

Labels::const_iterator Labels::find(std::string_view name) const {
    const auto found = std::lower_bound(begin(), end(), name, kByName);
    return found != end() && found->first == name ? found : end();
}

const std::string& Labels::at(std::string_view name) const {
    const auto found = find(name);
    if (found == end())
        throw std::out_of_range("no label " + std::string(name));
    return found->second;
}

void Labels::set(std::string_view name, std::string_view value) {
    Items changed = items();
    const auto place = std::lower_bound(changed.begin(), changed.end(), name, kByName);
    if (place != changed.end() && place->first == name)
        place->second = value;
    else
        changed.emplace(place, name, value);
    items_ = std::make_shared<const Items>(std::move(changed));
}

void Labels::add(std::string_view name, std::string_view value) {
    if (!contains(name))
        set(name, value);
}

void Labels::erase(const_iterator label) {
    Items fewer = items();
    fewer.erase(fewer.begin() + (label - begin()));
    items_ = fewer.empty() ? nullptr : std::make_shared<const Items>(std::move(fewer));
}

Labels Labels::shared() const {
    return items_ ? Labels(pool().find_or_add(items_)) : Labels();
}

}  // namespace catflap
