// SPDX-License-Identifier: Apache-2.0
#include "compile/plan.h"

#include <algorithm>

#include "compile/masks.h"

namespace catflap::compile {
namespace {

class Planner {
  public:
    Planner(const Loaded& loaded, const Desired& desired) : loaded_(loaded), desired_(desired) {}

    Result<Plan> run() {
        plan_.pools = loaded_.pools;
        plan_.decisions = loaded_.decisions;
        gather_relevance();
        plan_.classification = classify_addresses(desired_.cluster, plan_.relevance, desired_.frontends);
        segments_ = classify_ports(ranges_);
        number_port_classes();
        for (auto step : {&Planner::check_sizes, &Planner::number_classes, &Planner::take_port_numbers,
                          &Planner::extend_live_tables})
            if (auto done = (this->*step)(); !done)
                return tl::unexpected(done.error());
        if (!plan_.extended.empty())
            return std::move(plan_);
        if (auto done = make_tables(); !done)
            return tl::unexpected(done.error());
        move_addresses();
        move_prefixes();
        move_ports();
        list_mixed_services();
        return std::move(plan_);
    }

  private:
    void add_policy(const resolve::DirectionPolicy& policy) {
        for (const resolve::Rule& rule : policy.rules) {
            for (const resolve::SourceSet& set : rule.peers)
                plan_.relevance.add(set);
            ranges_.insert(rule.ports.begin(), rule.ports.end());
        }
    }

    // Live tables and desired ones must both find their classes until the last endpoint has changed over.
    void gather_relevance() {
        plan_.relevance.label_keys = loaded_.label_keys;
        plan_.relevance.port_names = loaded_.port_names;
        for (const resolve::DirectionPolicy& policy : desired_.resolved.policies)
            add_policy(policy);
        for (const resolve::Frontend& frontend : desired_.frontends)
            for (const resolve::FrontendPort& port : frontend.ports)
                ranges_.insert({port.protocol, port.port, port.port});
        Relevance without_live = plan_.relevance;
        without_live.finish();
        const size_t ranges_without_live = ranges_.size();
        for (const auto* tables : {&loaded_.tables, &loaded_.retiring})
            for (const TablePointer& table : *tables)
                add_policy(table->policy);
        plan_.relevance.finish();
        plan_.leftovers = without_live.block_groups.size() != plan_.relevance.block_groups.size() ||
                          ranges_without_live != ranges_.size();
    }

    void number_port_classes() {
        std::map<PortClass, uint32_t> known;
        plan_.port_classes.push_back(PortClass{});
        known.emplace(PortClass{}, 0);
        for (const PortSegment& segment : segments_) {
            const auto [entry, added] =
                known.try_emplace(segment.port_class, static_cast<uint32_t>(plan_.port_classes.size()));
            if (added)
                plan_.port_classes.push_back(segment.port_class);
            segment_class_.push_back(entry->second);
        }
    }

    Result<> check_sizes() {
        const size_t addresses = plan_.classification.addresses.size();
        if (addresses > CATFLAP_MAX_ADDRESSES)
            return fail("{} pod addresses do not fit into the map pod_addresses, which holds {}", addresses,
                        +CATFLAP_MAX_ADDRESSES);
        const size_t prefixes = plan_.classification.prefixes.size();
        if (prefixes > CATFLAP_MAX_CIDRS)
            return fail("the ipBlocks of the policies for this node are {} prefixes, and the map cidrs holds {}",
                        prefixes, +CATFLAP_MAX_CIDRS);
        if (desired_.endpoints.size() > CATFLAP_MAX_ENDPOINTS)
            return fail("{} pods on this node, and catflap enforces for {} at most", desired_.endpoints.size(),
                        +CATFLAP_MAX_ENDPOINTS);
        return {};
    }

    // The number that the class's addresses have now, if no desired class has it: a candidate to go on with.
    std::vector<std::optional<ClassNumber>> current_numbers() const {
        std::vector<std::optional<ClassNumber>> current(plan_.classification.classes.size());
        for (const auto& [address, index] : plan_.classification.addresses)
            if (const auto old = loaded_.addresses.find(address); old != loaded_.addresses.end())
                current[index] = old->second;
        for (const auto& [prefix, index] : plan_.classification.prefixes)
            if (const auto old = loaded_.prefixes.find(prefix); old != loaded_.prefixes.end())
                current[index] = old->second;
        return current;
    }

    // Every live table judges the class as it judges the number now.
    bool judged_alike(uint32_t index, ClassNumber number) {
        return std::ranges::all_of(loaded_.tables, [&](const TablePointer& table) {
            const auto row = live_row(*table, index);
            return row && number < table->rows.size() && table->rows[number] == *row;
        });
    }

    // The row that a class has in a live table by the table's own rules; nothing: the table has no such row.
    std::optional<uint16_t> live_row(const Table& table, uint32_t index) {
        const IndexMasks& masks = live_masks(table);
        const auto mask = masks.find(index);
        const auto row = table.row_of.find(mask == masks.end() ? empty_mask(table.policy) : mask->second);
        return row == table.row_of.end() ? std::nullopt : std::optional(row->second);
    }

    const IndexMasks& live_masks(const Table& table) {
        const auto [entry, added] = live_masks_.try_emplace(&table);
        if (added)
            entry->second = masks_.peers(table.policy);
        return entry->second;
    }

    Result<> number_classes() {
        const auto& keys = plan_.classification.keys;
        const std::set<std::string> wanted(keys.begin(), keys.end());
        std::set<ClassNumber> claimed;
        const auto current = current_numbers();
        plan_.numbers.resize(keys.size());
        is_fresh_.resize(keys.size());
        for (uint32_t index = 0; index < keys.size(); ++index) {
            if (const auto known = loaded_.class_numbers.find(keys[index]); known != loaded_.class_numbers.end()) {
                plan_.numbers[index] = known->second;
                continue;
            }
            const auto number = current[index];
            const bool orphan = number && *number != 0 && !wanted.contains(loaded_.class_keys.at(*number));
            if (orphan && !claimed.contains(*number) && judged_alike(index, *number)) {
                claimed.insert(*number);
                plan_.numbers[index] = *number;
                continue;
            }
            const auto fresh = plan_.pools.classes.take();
            if (!fresh)
                return fail("the policies for this node tell more than {} kinds of addresses apart",
                            +CATFLAP_MAX_CLASSES);
            plan_.numbers[index] = *fresh;
            fresh_classes_.push_back(index);
            is_fresh_[index] = true;
        }
        return {};
    }

    Result<> take_port_numbers() {
        std::set<PortClass> wanted(plan_.port_classes.begin(), plan_.port_classes.end());
        std::map<uint16_t, PortClass> classes_now;
        for (const auto& [port_class, number] : loaded_.port_numbers)
            classes_now.emplace(number, port_class);
        std::vector<std::optional<uint16_t>> current(plan_.port_classes.size());
        for (size_t i = 0; i < segments_.size(); ++i) {
            const auto protocol = std::ranges::find(kPortProtocols, segments_[i].protocol) - kPortProtocols.begin();
            current[segment_class_[i]] = loaded_.ports[static_cast<size_t>(protocol)][segments_[i].first];
        }
        std::set<uint16_t> claimed;
        plan_.port_numbers.resize(plan_.port_classes.size());
        for (uint32_t index = 0; index < plan_.port_classes.size(); ++index) {
            if (const auto known = loaded_.port_numbers.find(plan_.port_classes[index]);
                known != loaded_.port_numbers.end()) {
                plan_.port_numbers[index] = known->second;
                continue;
            }
            // Port 0 of class 0 means: never written. A range never changes, so going on with a number is neutral.
            const auto number = current[index];
            if (number && *number != 0 && !wanted.contains(classes_now.at(*number)) && claimed.insert(*number).second) {
                plan_.port_numbers[index] = *number;
                continue;
            }
            const auto fresh = plan_.pools.port_classes.take();
            if (!fresh)
                return fail("the policies for this node tell more than {} kinds of ports apart", +CATFLAP_MAX_CLASSES);
            plan_.port_numbers[index] = static_cast<uint16_t>(*fresh);
            fresh_ports_.push_back(index);
        }
        return {};
    }

    Result<> place(const TablePointer& table) {
        const auto& policy = table->policy;
        for (uint32_t* page : {&table->rows_page, &table->columns_page, &table->cells_page}) {
            const uint32_t count = page == &table->rows_page      ? table->rows_pages()
                                   : page == &table->columns_page ? table->columns_pages()
                                                                  : table->cells_pages();
            const auto first = plan_.pools.pages.take(count);
            if (!first)
                return fail(
                    "the table for the policies of a pod ({}{}, {} rows, {} columns) does not fit: {} of {} pages "
                    "of table_pages are free, {} are needed in a row",
                    to_string(policy.policies.front()),
                    policy.policies.size() > 1 ? fmt::format(" and {} more", policy.policies.size() - 1) : "",
                    table->row_of.size(), table->column_of.size(), plan_.pools.pages.free_pages(),
                    plan_.pools.pages.pages(), count);
            *page = *first;
        }
        plan_.new_tables.push_back(table);
        return {};
    }

    std::set<uint32_t> fresh_numbers() const {
        std::set<uint32_t> numbers;
        for (const uint32_t index : fresh_classes_)
            numbers.insert(plan_.numbers[index]);
        return numbers;
    }

    std::set<uint32_t> fresh_port_numbers() const {
        std::set<uint32_t> numbers;
        for (const uint32_t index : fresh_ports_)
            numbers.insert(plan_.port_numbers[index]);
        return numbers;
    }

    // A copy says of every class that exists what the old table says: only the new ones are added.
    static void keep_orphans(const std::vector<uint16_t>& old_indices, const std::map<RuleMask, uint16_t>& index_of,
                             const std::set<uint32_t>& fresh, ClassMasks& masks, uint32_t& count) {
        std::map<uint16_t, const RuleMask*> mask_of;
        for (const auto& [mask, index] : index_of)
            mask_of.emplace(index, &mask);
        for (uint32_t number = 0; number < old_indices.size(); ++number) {
            if (old_indices[number] == 0 || fresh.contains(number))
                continue;
            masks.emplace(number, *mask_of.at(old_indices[number]));
            count = std::max(count, number + 1);
        }
    }

    Result<TablePointer> build(const resolve::DirectionPolicy& policy, const Table* old = nullptr) {
        auto table = std::make_shared<Table>();
        table->policy = policy;
        if (table->open())
            return table;
        for (const resolve::Rule& rule : policy.rules) {
            auto number = plan_.decisions.number(rule_decision(policy.direction, rule));
            if (!number)
                return tl::unexpected(number.error());
            table->decisions.push_back(*number);
        }
        auto number = plan_.decisions.number(default_decision(policy));
        if (!number)
            return tl::unexpected(number.error());
        table->default_decision = *number;

        ClassMasks classes;
        ClassMasks ports;
        uint32_t class_count = 1;
        uint32_t port_class_count = 1;
        for (auto& [index, mask] : masks_.peers(policy))
            if (!old || is_fresh_[index])
                classes.emplace(plan_.numbers[index], mask);
        for (auto& [index, mask] : masks_.ports(policy))
            if (!old || std::ranges::find(fresh_ports_, index) != fresh_ports_.end())
                ports.emplace(plan_.port_numbers[index], mask);
        for (const ClassNumber one : plan_.numbers)
            class_count = std::max(class_count, one + 1);
        for (const uint16_t one : plan_.port_numbers)
            port_class_count = std::max<uint32_t>(port_class_count, one + 1U);
        if (old) {
            keep_orphans(old->rows, old->row_of, fresh_numbers(), classes, class_count);
            keep_orphans(old->columns, old->column_of, fresh_port_numbers(), ports, port_class_count);
        }
        if (auto done = fill(*table, classes, ports, class_count, port_class_count); !done)
            return tl::unexpected(done.error());
        if (auto done = place(table); !done)
            return tl::unexpected(done.error());
        return table;
    }

    // False: the table has no row, no column or no room for one of the new classes.
    bool write_in_place(const TablePointer& table) {
        std::vector<InPlaceWrite> writes;
        for (const uint32_t index : fresh_classes_) {
            const auto row = live_row(*table, index);
            if (!row || plan_.numbers[index] >= table->rows.size())
                return false;
            writes.push_back({table, false, plan_.numbers[index], *row});
        }
        if (fresh_ports_.empty() && writes.empty())
            return true;
        const IndexMasks ports = masks_.ports(table->policy);
        for (const uint32_t index : fresh_ports_) {
            const auto mask = ports.find(index);
            const auto column = table->column_of.find(mask == ports.end() ? empty_mask(table->policy) : mask->second);
            if (column == table->column_of.end() || plan_.port_numbers[index] >= table->columns.size())
                return false;
            writes.push_back({table, true, plan_.port_numbers[index], column->second});
        }
        plan_.in_place.insert(plan_.in_place.end(), writes.begin(), writes.end());
        return true;
    }

    Result<> extend_live_tables() {
        for (const TablePointer& table : loaded_.tables) {
            if (table->open() || write_in_place(table))
                continue;
            auto copy = build(table->policy, table.get());
            if (!copy)
                return tl::unexpected(copy.error());
            plan_.extended.emplace_back(table, *copy);
        }
        // A packet that is still under way by a retired table must find the new classes too, where it has a row.
        for (const TablePointer& table : loaded_.retiring)
            if (!table->open() && !write_in_place(table))
                plan_.needs_grace = true;
        return {};
    }

    // The live table still says of every class what its rules say of it now (namespaces may have changed their labels).
    bool still_true(const Table& table) {
        for (uint32_t index = 0; index < plan_.numbers.size(); ++index) {
            if (is_fresh_[index])
                continue;
            const auto row = live_row(table, index);
            if (!row || plan_.numbers[index] >= table.rows.size() || table.rows[plan_.numbers[index]] != *row)
                return false;
        }
        return true;
    }

    TablePointer reusable(const resolve::DirectionPolicy& policy) {
        for (const TablePointer& table : loaded_.tables)
            if (table->policy == policy && (table->open() || still_true(*table)))
                return table;
        return nullptr;
    }

    Result<> make_tables() {
        for (const resolve::DirectionPolicy& policy : desired_.resolved.policies) {
            TablePointer table = reusable(policy);
            if (!table) {
                auto built = build(policy);
                if (!built)
                    return tl::unexpected(built.error());
                table = *built;
            }
            plan_.tables.push_back(std::move(table));
        }
        return {};
    }

    // What an address is when neither a pod nor a Service has it.
    ClassNumber without_pod(const Address& address) const {
        return plan_.numbers[plan_.classification.class_outside(address)];
    }

    void move_addresses() {
        for (const auto& [address, index] : plan_.classification.addresses) {
            const auto old = loaded_.addresses.find(address);
            const ClassNumber number = plan_.numbers[index];
            if (old != loaded_.addresses.end() && old->second == number)
                continue;
            plan_.set_addresses.emplace_back(address, number);
            plan_.class_changes.emplace(old == loaded_.addresses.end() ? without_pod(address) : old->second, number);
        }
        for (const auto& [address, number] : loaded_.addresses) {
            if (plan_.classification.addresses.contains(address))
                continue;
            plan_.remove_addresses.push_back(address);
            plan_.class_changes.emplace(number, without_pod(address));
        }
    }

    void move_prefixes() {
        std::set<Prefix> wanted;
        for (const auto& [prefix, index] : plan_.classification.prefixes) {
            wanted.insert(prefix);
            const auto old = loaded_.prefixes.find(prefix);
            if (old == loaded_.prefixes.end() || old->second != plan_.numbers[index])
                plan_.set_prefixes.emplace_back(prefix, plan_.numbers[index]);
        }
        for (const auto& [prefix, number] : loaded_.prefixes)
            if (!wanted.contains(prefix))
                plan_.remove_prefixes.push_back(prefix);
    }

    void move_ports() {
        for (size_t i = 0; i < segments_.size(); ++i) {
            const PortSegment& segment = segments_[i];
            const auto protocol = std::ranges::find(kPortProtocols, segment.protocol) - kPortProtocols.begin();
            const auto& now = loaded_.ports[static_cast<size_t>(protocol)];
            const uint16_t number = plan_.port_numbers[segment_class_[i]];
            const auto differs = [&](uint16_t one) { return one != number; };
            if (std::any_of(now.begin() + segment.first, now.begin() + segment.last + 1, differs))
                plan_.port_moves.push_back({segment.protocol, segment.first, segment.last, number});
        }
    }

    // The masks of live tables that nobody wants any more were asked for, too.
    void list_mixed_services() {
        std::set<std::vector<ObjectName>> wanted;
        for (const resolve::DirectionPolicy& policy : desired_.resolved.policies)
            if (policy.direction == resolve::Direction::egress)
                wanted.insert(policy.policies);
        for (const MixedService& service : masks_.mixed())
            if (wanted.contains(service.policies))
                plan_.mixed.push_back(service);
    }

    const Loaded& loaded_;
    const Desired& desired_;
    Plan plan_;
    std::set<resolve::PortRange> ranges_;
    std::vector<PortSegment> segments_;
    std::vector<uint32_t> segment_class_;  // of each segment: index into Plan::port_classes
    std::vector<uint32_t> fresh_classes_;  // indices of classes with a number that no live table knows
    std::vector<bool> is_fresh_;           // by class index
    std::vector<uint32_t> fresh_ports_;
    MaskMaker masks_{plan_.classification, plan_.relevance, desired_.cluster, plan_.port_classes, desired_.frontends};
    std::map<const Table*, IndexMasks> live_masks_;
};

}  // namespace

Result<Plan> make_plan(const Loaded& loaded, const Desired& desired) {
    return Planner(loaded, desired).run();
}

}  // namespace catflap::compile
