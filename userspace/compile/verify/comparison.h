// SPDX-License-Identifier: Apache-2.0
// Compares what a store holds with what was loaded into it (compile/plan/loaded.h), in small pieces, and mends it.
//
// Each piece is compared with the bookkeeping of that moment, and between its reading and its comparing nothing is
// committed: so what commits change while a pass is under way is no difference. Only where a walk cannot be cut into
// such pieces, the count of the trie's keys, it is made again if a commit came between.
//
// How it is mended: what a packet reads by one load, and of which the right value is known, is stored back as it was
// (an address, a prefix, a run of ports, a word of the directory that is to be free). What a packet reads in several
// loads, a table or an endpoint's config, is loaded anew under other numbers and published, by the committer. And where
// an entry was wrong that verdicts depend on, every endpoint gets a new generation at the end: what was judged by it is
// judged again.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compile/commit/committer.h"
#include "compile/verify/findings.h"
#include "compile/verify/store_view.h"

namespace catflap::compile {

class Comparison {
  public:
    using Clock = std::chrono::steady_clock;

    // All three outlive it.
    Comparison(Committer& committer, Store& store, StoreView& view, bool mends)
        : committer_(committer), store_(store), view_(view), mends_(mends) {}

    // Goes on until then, or to the end: one piece at least, which takes some 10 us. True: it is over.
    bool step(Clock::time_point until);
    [[nodiscard]] const Findings& findings() const { return findings_; }

  private:
    using Piece = bool (Comparison::*)();  // True: there is no more of its kind
    static const std::vector<Piece>& pieces();

    [[nodiscard]] const Loaded& loaded() const { return committer_.loaded(); }
    // mend: returns why it could not; called if it is to be mended.
    void differs(Difference difference, const std::function<Result<>()>& mend);
    // Where it stands, to be marked when it is mended by renewing.
    struct Noted {
        Part part = Part::tables;
        size_t index = 0;  // Findings::kMost: it is only counted
    };
    Noted note(Difference difference);
    void mark(const std::vector<Noted>& noted, const Result<>& done);
    void cannot_read(Part part, const Error& error);

    // compare_addresses.cpp
    bool ports();
    bool addresses();
    bool missing_addresses();
    void compare_entry(uint32_t bucket, const AddressEntry& entry);
    Result<> put_address(const Address& address, ClassNumber number);
    [[nodiscard]] std::string name_of_class(ClassNumber number) const;

    // compare_prefixes.cpp
    bool prefixes();
    bool missing_prefixes();
    bool walked_prefixes();
    void compare_prefix(const PrefixEntry& entry);
    void missing_prefix(const Prefix& prefix, ClassNumber number);
    [[nodiscard]] std::optional<ClassNumber> expected(const Prefix& prefix) const;
    [[nodiscard]] size_t expected_prefixes() const;
    void walk_prefixes_again();

    // compare_tables.cpp
    bool tables();
    bool configs();
    void compare_table_page(const Table& table);
    void compare_classes(const Table& table);
    void find_highest_numbers();
    void compare_config(const LoadedEndpoint& endpoint);

    // compare_interfaces.cpp
    bool interfaces();
    bool missing_interfaces();
    bool local_addresses();
    void compare_local(const LocalEntry& entry);
    bool missing_local_addresses();
    [[nodiscard]] const LoadedEndpoint* published(uint32_t ifindex) const;

    // comparison.cpp
    bool renew_tables();
    bool renew_endpoints();

    Committer& committer_;
    Store& store_;
    StoreView& view_;
    bool mends_;
    bool misjudged_ = false;  // something that verdicts depend on was wrong
    uint32_t cursor_ = 0;     // of the piece under way: what it means is the piece's
    uint32_t page_ = 0;       // of the table
    int walks_ = 0;           // over the prefixes
    size_t at_ = 0;           // of pieces()
    Findings findings_;

    size_t hash_buckets_ = 0;
    std::vector<AddressEntry> entries_;

    size_t walked_ = 0;    // keys that are to be there
    size_t visited_ = 0;   // all
    uint64_t writes_ = 0;  // when the walk began
    std::optional<std::set<Prefix>> seen_;

    TablePointer table_;  // that is being compared: of the endpoint at the cursor
    size_t direction_ = 0;
    std::set<TablePointer> compared_tables_;
    std::array<uint64_t, 3> wrong_{};  // words of the table: rows, columns, cells
    std::string first_wrong_;

    // Must be loaded anew.
    std::map<TablePointer, std::vector<Noted>> damaged_tables_;
    std::map<uint32_t, std::vector<Noted>> damaged_endpoints_;  // by ifindex
    std::set<uint32_t> renewed_;                                // endpoints

    // Of classes and port classes; looked for once in a step(), for there may be 65,536. Nothing: not yet.
    std::optional<std::pair<ClassNumber, uint32_t>> highest_;
    std::optional<Prefix> walked_to_;
    std::optional<Address> local_to_;
};

// "shop/web on cali1".
std::string name_of(const LoadedEndpoint& endpoint);
// "the ingress table of shop/allow-web".
std::string name_of(const Table& table);

}  // namespace catflap::compile
