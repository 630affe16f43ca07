// SPDX-License-Identifier: Apache-2.0
// The labels of an object.
#pragma once

#include <compare>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace catflap {

// A map from name to value, sorted by name. Copies share their memory until one of them is changed: the pods of a
// Deployment have the same labels, which are the larger part of what is kept of a pod (see shared()).
class Labels {
  public:
    // NOLINTBEGIN(readability-identifier-naming): as standard containers call them
    using value_type = std::pair<std::string, std::string>;
    using const_iterator = std::vector<value_type>::const_iterator;
    // NOLINTEND(readability-identifier-naming)

    Labels() = default;
    // Of a name that comes twice, the first counts.
    Labels(std::initializer_list<value_type> labels);
    explicit Labels(std::vector<value_type> labels);

    [[nodiscard]] const_iterator begin() const { return items().begin(); }
    [[nodiscard]] const_iterator end() const { return items().end(); }
    [[nodiscard]] size_t size() const { return items().size(); }
    [[nodiscard]] bool empty() const { return items().empty(); }
    [[nodiscard]] const_iterator find(std::string_view name) const;
    [[nodiscard]] bool contains(std::string_view name) const { return find(name) != end(); }
    // Throws std::out_of_range where it has no such name.
    [[nodiscard]] const std::string& at(std::string_view name) const;

    void set(std::string_view name, std::string_view value);
    // Unless it has the name.
    void add(std::string_view name, std::string_view value);
    void erase(const_iterator label);

    // The same labels; equal ones that were shared before, by whatever thread, have the same memory.
    [[nodiscard]] Labels shared() const;
    [[nodiscard]] bool is_shared_with(const Labels& other) const { return items_ == other.items_; }

    bool operator==(const Labels& other) const { return items_ == other.items_ || items() == other.items(); }
    std::strong_ordering operator<=>(const Labels& other) const {
        return items_ == other.items_ ? std::strong_ordering::equal : items() <=> other.items();
    }

  private:
    using Items = std::vector<value_type>;

    explicit Labels(std::shared_ptr<const Items> items) : items_(std::move(items)) {}
    // Here, as all that compares labels with selectors begins with it.
    [[nodiscard]] const Items& items() const { return items_ ? *items_ : kNone; }

    static const Items kNone;
    std::shared_ptr<const Items> items_;  // nullptr: none
};

}  // namespace catflap
