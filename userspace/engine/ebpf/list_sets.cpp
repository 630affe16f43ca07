// SPDX-License-Identifier: Apache-2.0
// The source sets in force and their members, as the last commit classified them. A set of many addresses is several
// rows of its own, "continued": each page adds the members of a run of buckets.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "compile/classes/basis.h"
#include "engine/ebpf/lists.h"

namespace catflap::engine {
namespace {

// Where a listing goes on: in a set, at a bucket of the tables of addresses, and behind them at a prefix.
struct Place {
    size_t set = 0;
    size_t bucket = 0;
    std::string prefix;  // the last one that was listed; "": none yet
};

Result<Place> read_place(const report::Page& page) {
    const auto cursor = page.cursor("nnt");
    if (!cursor)
        return tl::unexpected(cursor.error());
    return *cursor ? Place{(*cursor)->number(0), (*cursor)->number(1), (*cursor)->text(2)} : Place{};
}

report::Cursor to_cursor(const Place& place) {
    return {uint64_t{place.set}, uint64_t{place.bucket}, place.prefix};
}

class SetRow {
  public:
    SetRow(const EbpfEngine& engine, const resolve::SourceSet& set, const Cluster& cluster)
        : engine_(engine), set_(set) {
        const compile::Basis& basis = *engine.loaded().basis;
        for (const uint32_t index : basis.classification.members(set, cluster)) {
            numbers_.insert(basis.numbers[index]);
            addresses_ += basis.classification.uses(index);
        }
    }

    // Members from the place on, until the page is full. True: all of them; else `place` is where to go on.
    bool take_members(Place& place, const report::Page& page) {
        const kernel::AddressTable& table = engine_.datapath().store().addresses();
        // A run at least: whatever time was left, the list goes on.
        for (const size_t first = place.bucket; place.bucket < table.buckets(); ++place.bucket) {
            if (place.bucket != first && place.bucket % kBucketsAtOnce == 0 && is_full(page))
                return false;
            table.for_each_in(place.bucket, [&](const Address& address, compile::ClassNumber number) {
                if (numbers_.contains(number))
                    add(to_string(address));
            });
        }
        return take_prefixes(place, page);
    }

    [[nodiscard]] report::SetRow row(bool continued) && {
        std::ranges::sort(members_);
        const std::set<uint32_t> classes(numbers_.begin(), numbers_.end());
        return {brief(set_),
                set_.pods ? "pods" : "ipBlock",
                {classes.begin(), classes.end()},
                addresses_,
                std::move(members_),
                continued};
    }

  private:
    static constexpr size_t kBucketsAtOnce = 256;
    static constexpr size_t kPrefixesAtOnce = 256;
    static constexpr size_t kMaxBytes = 128 << 10;

    void add(std::string member) {
        bytes_ += member.size() + 8;
        members_.push_back(std::move(member));
    }
    [[nodiscard]] bool is_full(const report::Page& page) const { return bytes_ > kMaxBytes || page.full(); }

    // The trie's: blocks, and pods whose bucket is full.
    bool take_prefixes(Place& place, const report::Page& page) {
        const compile::Loaded& loaded = engine_.loaded();
        const auto& pods = engine_.datapath().store().cidrs().pods();
        auto next = loaded.prefixes.begin();
        if (place.prefix.empty()) {
            for (const Address& address : pods)
                if (const auto known = loaded.addresses.find(address);
                    known != loaded.addresses.end() && numbers_.contains(known->second))
                    add(to_string(address));
        } else if (const auto parsed = parse_prefix(place.prefix); parsed) {
            next = loaded.prefixes.upper_bound(parsed->prefix);
        }
        if (set_.blocks.empty())
            return true;
        for (size_t i = 0; next != loaded.prefixes.end(); ++next, ++i) {
            const auto& [prefix, number] = *next;
            const bool is_pod = prefix.length() == 128 && pods.contains(prefix.address());
            if (numbers_.contains(number) && !is_pod)
                add(to_string(prefix));
            if (i % kPrefixesAtOnce == kPrefixesAtOnce - 1 && is_full(page)) {
                place.prefix = to_string(prefix);
                return false;
            }
        }
        return true;
    }

    const EbpfEngine& engine_;
    const resolve::SourceSet& set_;
    std::unordered_set<compile::ClassNumber> numbers_;
    size_t addresses_ = 0;
    std::vector<std::string> members_;
    size_t bytes_ = 0;
};

}  // namespace

Result<> list_sets(const View& view, const EbpfEngine& engine, report::Page& page) {
    auto place = read_place(page);
    if (!place)
        return tl::unexpected(place.error());
    if (!engine.loaded().basis)
        return fail(
            "which addresses the sets hold is being worked out anew, since the last commit was refused: see "
            "catflap status, and ask again when that is mended");
    view.index.update(view.resolved, view.commit);
    const auto& sets = view.index.sets();
    while (place->set < sets.size()) {
        SetRow row(engine, *sets[place->set], view.cluster);
        const bool begun = place->bucket > 0 || !place->prefix.empty();
        const bool wanted = page.wants("", brief(*sets[place->set]));
        const bool whole = !wanted || !page.query().members || row.take_members(*place, page);
        if (wanted)
            page.add(std::move(row).row(begun));
        if (!whole) {
            page.continue_at(to_cursor(*place));
            break;
        }
        *place = {place->set + 1, 0, ""};
        if (page.full() && place->set < sets.size()) {
            page.continue_at(to_cursor(*place));
            break;
        }
    }
    return {};
}

}  // namespace catflap::engine
