// SPDX-License-Identifier: Apache-2.0
// How a plan is made: what plan.cpp, plan_numbers.cpp, plan_tables.cpp and plan_moves.cpp share, for one plan. Private
// to them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "compile/plan/plan.h"

namespace catflap::compile {

class Planner {
  public:
    Planner(const Loaded& loaded, const Desired& desired, std::shared_ptr<Basis> basis)
        : loaded_(loaded), desired_(desired), basis_(std::move(basis)) {
        plan_.pools = loaded_.pools;
    }
    Result<Plan> run();

  private:
    // ---- What tells addresses and ports apart (plan.cpp) ----
    // False: the basis does not do.
    bool go_on();
    // Live tables and desired ones must both find their classes until the last endpoint has changed over.
    Result<> begin();
    void make_masks();
    // Classes exist that only tables tell apart which go with this commit.
    bool is_more_than_needed() const;
    Result<> check_sizes();
    // Where the basis goes on: of the frontends that may lead elsewhere now, what the live tables say of them.
    void look_at_frontends();
    [[nodiscard]] bool retires_a_table() const;
    // Of the tables that stay, what was said of them; of the new ones, what turned out. The masks of live tables that
    // nobody wants any more were asked for, too.
    void note_mixed_services();

    const Classification& classification() const { return basis_->classification; }

    // ---- Numbers for classes (plan_numbers.cpp) ----
    void number_port_classes();
    // The number that the class's addresses have now, if no desired class has it: a candidate to go on with.
    std::vector<std::optional<ClassNumber>> current_numbers() const;
    // Every live table judges the class as it judges the number now.
    bool judged_alike(uint32_t index, ClassNumber number);
    // The row that a class has in a live table by the table's own rules; nothing: the table has no such row.
    std::optional<uint16_t> live_row(const Table& table, uint32_t index);
    // Of a new basis every class is asked for, so all are found at once.
    RuleMask live_mask(const Table& table, uint32_t index);
    // A class goes on under its number; one that is new goes on under that of a class that its addresses leave empty,
    // if no table can tell.
    Result<> number_classes();
    Result<> take_port_numbers();

    // ---- Tables, live and new (plan_tables.cpp) ----
    Result<> place(const TablePointer& table);
    std::set<uint32_t> fresh_numbers() const;
    std::set<uint32_t> fresh_port_numbers() const;
    // A copy says of every class that exists what the old table says: only the new ones are added.
    static void keep_orphans(const std::vector<uint16_t>& old_indices, const std::map<RuleMask, uint16_t>& index_of,
                             const std::set<uint32_t>& fresh, ClassMasks& masks, uint32_t& count);
    DecisionRegistry& decisions();
    // Of the masks that build() would make at most.
    size_t mask_bytes(const resolve::DirectionPolicy& policy);
    Result<> check_masks(const resolve::DirectionPolicy& policy, size_t bytes) const;
    Result<> number_decisions(Table& table);
    Result<TablePointer> build(const resolve::PolicyPointer& pointer, const Table* old = nullptr);
    // Which numbers the addresses leave that come into a fresh class. None: they come out of more than one, or nothing
    // is known of it.
    std::optional<ClassNumber> left_by(uint32_t index);
    // Of a live table that has no row for the class: it goes on judging the addresses as it did. The endpoints get a
    // table that has one.
    std::optional<uint16_t> row_as_before(const Table& table, uint32_t index);
    // False: the table has no row, no column or no room for one of the new classes.
    bool write_in_place(const TablePointer& table);
    Result<> extend_live_tables();
    // The live table still says of every class what its rules say of it now (namespaces may have changed their labels).
    bool still_true(const Table& table);
    // Of the same policy, and true of every class. What a basis goes on with was true before.
    TablePointer reusable(const resolve::PolicyPointer& policy);
    Result<> make_tables();

    // ---- What changes its class (plan_moves.cpp) ----
    // What an address is when neither a pod nor a Service has it.
    ClassNumber without_pod(const Address& address) const;
    void move_addresses();
    void move_prefixes();
    void move_ports();

    // Calls move(address, its number now, its class to come) for each address whose class may not be what it was.
    template <class Move>
    void for_each_moving(Move move) const {
        const auto number_now = [&](const Address& address) {
            const auto old = loaded_.addresses.find(address);
            return old == loaded_.addresses.end() ? std::nullopt : std::optional(old->second);
        };
        const auto& addresses = classification().addresses();
        if (plan_.new_basis) {
            for (const auto& [address, entry] : addresses)
                move(address, number_now(address), entry.class_index);
            return;
        }
        for (const Address& address : touched_)
            if (const auto entry = addresses.find(address); entry != addresses.end())
                move(address, number_now(address), entry->second.class_index);
    }

    const Loaded& loaded_;
    const Desired& desired_;
    std::shared_ptr<Basis> basis_;
    Plan plan_;
    std::vector<Address> touched_;             // by the changes, where the basis goes on
    std::vector<uint32_t> changed_frontends_;  // likewise
    std::vector<PortSegment> segments_;
    std::vector<uint32_t> segment_class_;  // of each segment: index into Basis::port_classes
    std::vector<uint32_t> fresh_classes_;  // indices of classes with a number that no live table knows
    std::vector<bool> is_fresh_;           // by class index
    std::vector<uint32_t> fresh_ports_;
    std::unique_ptr<MaskMaker> masks_;
    size_t mask_bytes_ = 0;  // of the desired tables so far
    std::map<const Table*, IndexMasks> live_masks_;
    std::unordered_map<const resolve::DirectionPolicy*, TablePointer> live_;
    std::set<const Table*> outdated_;  // live ones that judge a fresh class, or a frontend, as before
    std::optional<std::map<uint32_t, std::optional<ClassNumber>>> left_by_;
};

}  // namespace catflap::compile
