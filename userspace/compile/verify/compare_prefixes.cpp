// SPDX-License-Identifier: Apache-2.0
// The trie: prefixes of blocks, and pods' addresses whose buckets were full. Its keys are walked and counted; a lookup
// cannot tell that a key is missing where a broader one has the same class. Only if the count is wrong are they walked
// again and remembered.
#include "compile/verify/comparison.h"

namespace catflap::compile {
namespace {

constexpr int kKeysInOnePiece = 32;
constexpr int kMostWalks = 4;
// Of what the trie can hold: who deletes the key that a walk has come to makes it begin anew.
constexpr size_t kMostVisits = 2 * (size_t{CATFLAP_MAX_CIDRS} + CATFLAP_MAX_ADDRESSES);

}  // namespace

std::optional<ClassNumber> Comparison::expected(const Prefix& prefix) const {
    if (prefix.length() == 128 && view_.in_trie().contains(prefix.address()))
        if (const auto pod = loaded().addresses.find(prefix.address()); pod != loaded().addresses.end())
            return pod->second;
    const auto block = loaded().prefixes.find(prefix);
    return block == loaded().prefixes.end() ? std::nullopt : std::optional(block->second);
}

size_t Comparison::expected_prefixes() const {
    size_t count = loaded().prefixes.size();
    for (const Address& address : view_.in_trie())
        count += loaded().prefixes.contains(Prefix::host(address)) ? 0U : 1U;
    return count;
}

void Comparison::walk_prefixes_again() {
    walked_to_.reset();
    walked_ = 0;
    visited_ = 0;
    writes_ = view_.prefix_writes();
    seen_.emplace();
}

bool Comparison::prefixes() {
    if (walks_ == 0) {
        ++walks_;
        writes_ = view_.prefix_writes();
    }
    auto next = view_.next_prefix(walked_to_);
    for (int i = 0; i < kKeysInOnePiece; ++i) {
        if (!next) {
            cannot_read(Part::prefixes, next.error());
            return true;
        }
        if (!*next)
            return walked_prefixes();
        const PrefixEntry entry = **next;
        // Of what is taken out nobody could say what comes behind it.
        next = view_.next_prefix(entry.prefix);
        compare_prefix(entry);
        if (++visited_ > kMostVisits) {
            findings_.of(Part::prefixes).unread = "its keys go away while they are read, again and again";
            return true;
        }
    }
    return false;
}

void Comparison::compare_prefix(const PrefixEntry& entry) {
    const auto wanted = expected(entry.prefix);
    if (wanted) {
        ++walked_;
        if (seen_)
            seen_->insert(entry.prefix);
        walked_to_ = entry.prefix;
    }
    if (wanted == std::optional(entry.number))
        return;
    if (walks_ > 1) {  // told in the first walk, or comes with the next pass
        walked_to_ = entry.prefix;
        return;
    }
    misjudged_ = true;
    const std::string found = name_of_class(entry.number);
    if (wanted)
        return differs({Part::prefixes, to_string(entry.prefix), name_of_class(*wanted), found},
                       [&] { return view_.put_prefix(entry.prefix, *wanted); });
    ++findings_.of(Part::prefixes).checked;
    bool stays = true;
    differs({Part::prefixes, to_string(entry.prefix), "no entry", found}, [&] {
        auto done = view_.drop_prefix(entry.prefix);
        stays = !done;
        return done;
    });
    if (stays)
        walked_to_ = entry.prefix;
}

// At the last key. False: once more.
bool Comparison::walked_prefixes() {
    const size_t wanted = expected_prefixes();
    findings_.of(Part::prefixes).checked += walks_ == 1 ? wanted : 0;
    if (walked_ == wanted) {
        seen_.reset();
        return true;
    }
    // What was seen is of no use for what a commit has written since.
    if (seen_ && writes_ == view_.prefix_writes())
        return true;
    if (++walks_ > kMostWalks) {
        findings_.of(Part::prefixes).unread = "commits changed them faster than they could be read";
        seen_.reset();
        return true;
    }
    walk_prefixes_again();
    return false;
}

// Rare, and of what is missing: all at once, for a commit in between would make it wrong.
bool Comparison::missing_prefixes() {
    if (!seen_ || writes_ != view_.prefix_writes())
        return true;
    for (const Address& address : view_.in_trie())
        if (const auto number = expected(Prefix::host(address)))
            missing_prefix(Prefix::host(address), *number);
    for (const auto& [prefix, number] : loaded().prefixes)
        if (prefix.length() != 128 || !view_.in_trie().contains(prefix.address()))
            missing_prefix(prefix, number);
    seen_.reset();
    return true;
}

void Comparison::missing_prefix(const Prefix& prefix, ClassNumber number) {
    if (seen_->contains(prefix))
        return;
    misjudged_ = true;
    differs({Part::prefixes, to_string(prefix), name_of_class(number), "no entry"},
            [&] { return view_.put_prefix(prefix, number); });
}

}  // namespace catflap::compile
