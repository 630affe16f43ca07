// SPDX-License-Identifier: Apache-2.0
// The difference between what is loaded and what is desired, with every number chosen and every limit checked, before
// anything is written. Pure.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "compile/classes/basis.h"
#include "compile/plan/loaded.h"
#include "compile/classes/masks.h"

namespace catflap::compile {

// A row or column of a live table for a class that no packet can meet yet.
struct InPlaceWrite {
    TablePointer table;
    bool is_column = false;
    uint32_t index = 0;
    uint16_t value = 0;
};

struct PortMove {
    Protocol protocol = Protocol::tcp;
    uint16_t first = 0;
    uint16_t last = 0;
    uint16_t port_class = 0;
};

struct Plan {
    std::shared_ptr<Basis> basis;       // after the plan
    std::vector<uint32_t> new_classes;  // indices of those that the basis did not have before; of a new basis: all
    bool new_basis = false;
    bool same_tables = false;  // every endpoint keeps the tables that it has; `tables` is empty then

    // Live tables with no room, or no row, for a class to come -> copies that have. If there are any, the plan ends
    // here: take the endpoints over to the copies, then plan anew.
    std::vector<std::pair<TablePointer, TablePointer>> extended;

    // Populate: classes that are new to live tables.
    std::vector<InPlaceWrite> in_place;
    // Move: no live table's verdict on anything that keeps its labels changes.
    std::vector<std::pair<Prefix, ClassNumber>> set_prefixes;
    std::vector<Prefix> remove_prefixes;
    std::vector<PortMove> port_moves;
    std::vector<std::pair<Address, ClassNumber>> set_addresses;
    std::vector<Address> remove_addresses;
    std::set<std::pair<ClassNumber, ClassNumber>> class_changes;  // (from, to) of addresses that changed their class
    // Publish.
    std::vector<TablePointer> tables;      // by Resolved::policies
    std::vector<TablePointer> new_tables;  // of those and of extended: what has to be written first

    std::vector<MixedService> mixed;  // of the desired policies

    Pools pools{Limits{}};                      // after the plan
    std::optional<DecisionRegistry> decisions;  // if there are new ones
    bool needs_grace = false;  // a retired table has no row for a class to come: wait for its packets before any move
    bool leftovers = false;    // classes exist that only tables tell apart which this commit retires: commit once more
};

// basis: loaded's, of which it takes possession, or nothing. Fails with kDoesNotFit and the name of the limit, with
// nothing else changed, when the desired state does not fit.
Result<Plan> make_plan(const Loaded& loaded, const Desired& desired, std::shared_ptr<Basis> basis);

}  // namespace catflap::compile
