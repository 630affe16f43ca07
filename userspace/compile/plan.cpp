// SPDX-License-Identifier: Apache-2.0
#include "compile/plan.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "compile/masks.h"

namespace catflap::compile {
namespace {

class Planner {
  public:
    Planner(const Loaded& loaded, const Desired& desired, std::shared_ptr<Basis> basis)
        : loaded_(loaded), desired_(desired), basis_(std::move(basis)) {
        plan_.pools = loaded_.pools;
    }

    Result<Plan> run() {
        if (!go_on())
            if (auto done = begin(); !done)
                return tl::unexpected(done.error());
        for (auto step : {&Planner::check_sizes, &Planner::number_classes, &Planner::extend_live_tables})
            if (auto done = (this->*step)(); !done)
                return tl::unexpected(done.error());
        if (!plan_.extended.empty())
            return std::move(plan_);
        plan_.same_tables = desired_.same_endpoints && !plan_.new_basis && outdated_.empty();
        if (!plan_.same_tables)
            if (auto done = make_tables(); !done)
                return tl::unexpected(done.error());
        move_addresses();
        if (plan_.new_basis) {
            move_prefixes();
            move_ports();
        }
        if (!plan_.same_tables) {
            note_mixed_services();
            plan_.leftovers = is_more_than_needed();
        }
        plan_.mixed.assign(basis_->mixed.begin(), basis_->mixed.end());
        plan_.basis = std::move(basis_);
        return std::move(plan_);
    }

  private:
    // False: the basis does not do.
    bool go_on() {
        if (!basis_ || !can_go_on(*basis_, desired_))
            return false;
        touched_ = basis_->classification.update(desired_.cluster, desired_.changes);
        if (went_too_far(*basis_, touched_))
            return false;
        make_masks();
        return true;
    }

    // Live tables and desired ones must both find their classes until the last endpoint has changed over.
    Result<> begin() {
        plan_.new_basis = true;
        touched_.clear();
        Distinctions distinctions = distinctions_of(desired_);
        distinctions.relevance.label_keys.insert(loaded_.label_keys.begin(), loaded_.label_keys.end());
        distinctions.relevance.port_names.insert(loaded_.port_names.begin(), loaded_.port_names.end());
        for (const auto* tables : {&loaded_.tables, &loaded_.retiring})
            for (const TablePointer& table : *tables)
                distinctions.add(*table->policy);
        distinctions.relevance.finish();
        segments_ = classify_ports(distinctions.ranges);
        basis_ = std::make_shared<Basis>(
            Basis{Classification(desired_.cluster, std::move(distinctions.relevance), desired_.frontends),
                  {},
                  std::move(distinctions.ranges),
                  {},
                  {},
                  desired_.frontends,
                  backends_of(desired_.frontends),
                  {}});
        number_port_classes();
        make_masks();
        return take_port_numbers();
    }

    void make_masks() {
        masks_.emplace(basis_->classification, desired_.cluster, basis_->port_classes, desired_.frontends);
    }

    // Classes exist that only tables tell apart which go with this commit.
    bool is_more_than_needed() const {
        Distinctions wanted = distinctions_of(desired_);
        wanted.relevance.finish();
        return wanted.relevance.block_groups.size() != classification().relevance().block_groups.size() ||
               wanted.ranges.size() != basis_->ranges.size();
    }

    const Classification& classification() const { return basis_->classification; }

    void number_port_classes() {
        std::map<PortClass, uint32_t> known;
        basis_->port_classes.push_back(PortClass{});
        known.emplace(PortClass{}, 0);
        for (const PortSegment& segment : segments_) {
            const auto [entry, added] =
                known.try_emplace(segment.port_class, static_cast<uint32_t>(basis_->port_classes.size()));
            if (added)
                basis_->port_classes.push_back(segment.port_class);
            segment_class_.push_back(entry->second);
        }
    }

    Result<> check_sizes() {
        const size_t addresses = classification().addresses().size();
        if (addresses > CATFLAP_MAX_ADDRESSES)
            return fail("{} pod addresses do not fit into the tables of addresses, which hold {}", addresses,
                        +CATFLAP_MAX_ADDRESSES);
        const size_t prefixes = classification().prefixes().size();
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
        std::vector<std::optional<ClassNumber>> current(classification().classes().size());
        for (const auto& [address, entry] : classification().addresses())
            if (const auto old = loaded_.addresses.find(address); old != loaded_.addresses.end())
                current[entry.class_index] = old->second;
        for (const auto& [prefix, index] : classification().prefixes())
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
        const auto row = table.row_of.find(live_mask(table, index));
        return row == table.row_of.end() ? std::nullopt : std::optional(row->second);
    }

    // Of a new basis every class is asked for, so all are found at once.
    RuleMask live_mask(const Table& table, uint32_t index) {
        if (!plan_.new_basis)
            return masks_->peers_of_class(*table.policy, index);
        const auto [entry, added] = live_masks_.try_emplace(&table);
        if (added)
            entry->second = masks_->peers(*table.policy);
        const auto mask = entry->second.find(index);
        return mask == entry->second.end() ? empty_mask(*table.policy) : mask->second;
    }

    // A class goes on under its number; one that is new goes on under that of a class that its addresses leave empty,
    // if no table can tell.
    Result<> number_classes() {
        const auto& keys = classification().keys();
        const size_t known = basis_->numbers.size();
        basis_->numbers.resize(keys.size());
        is_fresh_.resize(keys.size());
        std::unordered_set<std::string_view> wanted;
        std::set<ClassNumber> claimed;
        std::vector<std::optional<ClassNumber>> current;
        if (plan_.new_basis) {
            wanted.insert(keys.begin(), keys.end());
            current = current_numbers();
        }
        for (auto index = static_cast<uint32_t>(known); index < keys.size(); ++index) {
            plan_.new_classes.push_back(index);
            if (const auto now = loaded_.class_numbers.find(keys[index]); now != loaded_.class_numbers.end()) {
                basis_->numbers[index] = now->second;
                continue;
            }
            const auto number = current.empty() ? std::nullopt : current[index];
            const bool orphan = number && *number != 0 && !wanted.contains(loaded_.class_keys.at(*number));
            if (orphan && !claimed.contains(*number) && judged_alike(index, *number)) {
                claimed.insert(*number);
                basis_->numbers[index] = *number;
                continue;
            }
            const auto fresh = plan_.pools.classes.take();
            if (!fresh)
                return fail("the policies for this node tell more than {} kinds of addresses apart",
                            +CATFLAP_MAX_CLASSES);
            basis_->numbers[index] = *fresh;
            fresh_classes_.push_back(index);
            is_fresh_[index] = true;
        }
        return {};
    }

    Result<> take_port_numbers() {
        std::set<PortClass> wanted(basis_->port_classes.begin(), basis_->port_classes.end());
        std::map<uint16_t, PortClass> classes_now;
        for (const auto& [port_class, number] : loaded_.port_numbers)
            classes_now.emplace(number, port_class);
        std::vector<std::optional<uint16_t>> current(basis_->port_classes.size());
        for (size_t i = 0; i < segments_.size(); ++i) {
            const auto protocol = std::ranges::find(kPortProtocols, segments_[i].protocol) - kPortProtocols.begin();
            current[segment_class_[i]] = loaded_.ports[static_cast<size_t>(protocol)][segments_[i].first];
        }
        std::set<uint16_t> claimed;
        basis_->port_numbers.resize(basis_->port_classes.size());
        for (uint32_t index = 0; index < basis_->port_classes.size(); ++index) {
            if (const auto known = loaded_.port_numbers.find(basis_->port_classes[index]);
                known != loaded_.port_numbers.end()) {
                basis_->port_numbers[index] = known->second;
                continue;
            }
            // Port 0 of class 0 means: never written. A range never changes, so going on with a number is neutral.
            const auto number = current[index];
            if (number && *number != 0 && !wanted.contains(classes_now.at(*number)) && claimed.insert(*number).second) {
                basis_->port_numbers[index] = *number;
                continue;
            }
            const auto fresh = plan_.pools.port_classes.take();
            if (!fresh)
                return fail("the policies for this node tell more than {} kinds of ports apart", +CATFLAP_MAX_CLASSES);
            basis_->port_numbers[index] = static_cast<uint16_t>(*fresh);
            fresh_ports_.push_back(index);
        }
        return {};
    }

    Result<> place(const TablePointer& table) {
        const auto& policy = *table->policy;
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
            numbers.insert(basis_->numbers[index]);
        return numbers;
    }

    std::set<uint32_t> fresh_port_numbers() const {
        std::set<uint32_t> numbers;
        for (const uint32_t index : fresh_ports_)
            numbers.insert(basis_->port_numbers[index]);
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

    DecisionRegistry& decisions() {
        if (!plan_.decisions)
            plan_.decisions = loaded_.decisions;
        return *plan_.decisions;
    }

    Result<TablePointer> build(const resolve::PolicyPointer& pointer, const Table* old = nullptr) {
        auto table = std::make_shared<Table>();
        table->policy = pointer;
        if (table->open())
            return table;
        const resolve::DirectionPolicy& policy = *pointer;
        for (const resolve::Rule& rule : policy.rules) {
            auto number = decisions().number(rule_decision(policy.direction, rule));
            if (!number)
                return tl::unexpected(number.error());
            table->decisions.push_back(*number);
        }
        auto number = decisions().number(default_decision(policy));
        if (!number)
            return tl::unexpected(number.error());
        table->default_decision = *number;

        ClassMasks classes;
        ClassMasks ports;
        uint32_t class_count = 1;
        uint32_t port_class_count = 1;
        for (auto& [index, mask] : masks_->peers(policy))
            if (!old || is_fresh_[index])
                classes.emplace(basis_->numbers[index], mask);
        for (auto& [index, mask] : masks_->ports(policy))
            if (!old || std::ranges::find(fresh_ports_, index) != fresh_ports_.end())
                ports.emplace(basis_->port_numbers[index], mask);
        for (const ClassNumber one : basis_->numbers)
            class_count = std::max(class_count, one + 1);
        for (const uint16_t one : basis_->port_numbers)
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

    // Which numbers the addresses leave that come into a fresh class. None: they come out of more than one, or nothing
    // is known of it.
    std::optional<ClassNumber> left_by(uint32_t index) {
        if (!left_by_) {
            left_by_.emplace();
            for_each_moving([&](const Address& address, std::optional<ClassNumber> old, uint32_t to) {
                if (!is_fresh_[to])
                    return;
                const uint32_t outside = classification().class_outside(address);
                if (!old && !is_fresh_[outside])
                    old = basis_->numbers[outside];
                const auto [entry, added] = left_by_->try_emplace(to, old);
                if (!added && entry->second != old)
                    entry->second.reset();
            });
            for (const auto& [prefix, to] : classification().prefixes())
                if (is_fresh_[to])
                    (*left_by_)[to].reset();
        }
        const auto found = left_by_->find(index);
        return found == left_by_->end() ? std::nullopt : found->second;
    }

    // Of a live table that has no row for the class: it goes on judging the addresses as it did. The endpoints get a
    // table that has one.
    std::optional<uint16_t> row_as_before(const Table& table, uint32_t index) {
        const auto number = left_by(index);
        return number && *number < table.rows.size() ? std::optional(table.rows[*number]) : std::nullopt;
    }

    // False: the table has no row, no column or no room for one of the new classes.
    bool write_in_place(const TablePointer& table) {
        std::vector<InPlaceWrite> writes;
        for (const uint32_t index : fresh_classes_) {
            auto row = live_row(*table, index);
            if (!row) {
                outdated_.insert(table.get());
                row = row_as_before(*table, index);
            }
            if (!row || basis_->numbers[index] >= table->rows.size())
                return false;
            writes.push_back({table, false, basis_->numbers[index], *row});
        }
        if (fresh_ports_.empty() && writes.empty())
            return true;
        const IndexMasks ports = masks_->ports(*table->policy);
        for (const uint32_t index : fresh_ports_) {
            const auto mask = ports.find(index);
            const auto column = table->column_of.find(mask == ports.end() ? empty_mask(*table->policy) : mask->second);
            if (column == table->column_of.end() || basis_->port_numbers[index] >= table->columns.size())
                return false;
            writes.push_back({table, true, basis_->port_numbers[index], column->second});
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
        for (uint32_t index = 0; index < basis_->numbers.size(); ++index) {
            if (is_fresh_[index])
                continue;
            const auto row = live_row(table, index);
            if (!row || basis_->numbers[index] >= table.rows.size() || table.rows[basis_->numbers[index]] != *row)
                return false;
        }
        return true;
    }

    // Of the same policy, and true of every class. What a basis goes on with was true before.
    TablePointer reusable(const resolve::PolicyPointer& policy) {
        const auto fits = [&](const TablePointer& table) {
            return table->open() || (!outdated_.contains(table.get()) && (!plan_.new_basis || still_true(*table)));
        };
        if (const auto same = live_.find(policy.get()); same != live_.end())
            return fits(same->second) ? same->second : nullptr;
        for (const TablePointer& table : loaded_.tables)
            if (*table->policy == *policy && fits(table))
                return table;
        return nullptr;
    }

    Result<> make_tables() {
        for (const TablePointer& table : loaded_.tables)
            live_.emplace(table->policy.get(), table);
        for (const resolve::PolicyPointer& policy : desired_.resolved.policies) {
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
        return basis_->numbers[classification().class_outside(address)];
    }

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

    void move_addresses() {
        for_each_moving([&](const Address& address, std::optional<ClassNumber> old, uint32_t to) {
            const ClassNumber number = basis_->numbers[to];
            if (old == number)
                return;
            plan_.set_addresses.emplace_back(address, number);
            plan_.class_changes.emplace(old ? *old : without_pod(address), number);
        });
        const auto remove_if_gone = [&](const Address& address, ClassNumber number) {
            if (classification().addresses().contains(address))
                return;
            plan_.remove_addresses.push_back(address);
            plan_.class_changes.emplace(number, without_pod(address));
        };
        if (plan_.new_basis)
            for (const auto& [address, number] : loaded_.addresses)
                remove_if_gone(address, number);
        for (const Address& address : touched_)
            if (const auto loaded = loaded_.addresses.find(address); loaded != loaded_.addresses.end())
                remove_if_gone(address, loaded->second);
    }

    void move_prefixes() {
        std::set<Prefix> wanted;
        for (const auto& [prefix, index] : classification().prefixes()) {
            wanted.insert(prefix);
            const auto old = loaded_.prefixes.find(prefix);
            if (old == loaded_.prefixes.end() || old->second != basis_->numbers[index])
                plan_.set_prefixes.emplace_back(prefix, basis_->numbers[index]);
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
            const uint16_t number = basis_->port_numbers[segment_class_[i]];
            const auto differs = [&](uint16_t one) { return one != number; };
            if (std::any_of(now.begin() + segment.first, now.begin() + segment.last + 1, differs))
                plan_.port_moves.push_back({segment.protocol, segment.first, segment.last, number});
        }
    }

    // Of the tables that stay, what was said of them; of the new ones, what turned out. The masks of live tables that
    // nobody wants any more were asked for, too.
    void note_mixed_services() {
        std::set<std::vector<ObjectName>> wanted;
        for (const resolve::PolicyPointer& policy : desired_.resolved.policies)
            if (policy->direction == resolve::Direction::egress)
                wanted.insert(policy->policies);
        std::set<std::vector<ObjectName>> made;
        for (const TablePointer& table : plan_.new_tables)
            made.insert(table->policy->policies);
        std::erase_if(basis_->mixed, [&](const MixedService& service) {
            return !wanted.contains(service.policies) || made.contains(service.policies);
        });
        for (const MixedService& service : masks_->mixed())
            if (wanted.contains(service.policies))
                basis_->mixed.insert(service);
    }

    const Loaded& loaded_;
    const Desired& desired_;
    std::shared_ptr<Basis> basis_;
    Plan plan_;
    std::vector<Address> touched_;  // by the changes, where the basis goes on
    std::vector<PortSegment> segments_;
    std::vector<uint32_t> segment_class_;  // of each segment: index into Basis::port_classes
    std::vector<uint32_t> fresh_classes_;  // indices of classes with a number that no live table knows
    std::vector<bool> is_fresh_;           // by class index
    std::vector<uint32_t> fresh_ports_;
    std::optional<MaskMaker> masks_;
    std::map<const Table*, IndexMasks> live_masks_;
    std::unordered_map<const resolve::DirectionPolicy*, TablePointer> live_;
    std::set<const Table*> outdated_;  // live ones that judge a fresh class as before
    std::optional<std::map<uint32_t, std::optional<ClassNumber>>> left_by_;
};

}  // namespace

Result<Plan> make_plan(const Loaded& loaded, const Desired& desired, std::shared_ptr<Basis> basis) {
    return Planner(loaded, desired, std::move(basis)).run();
}

}  // namespace catflap::compile
