// SPDX-License-Identifier: Apache-2.0
#include "compile/plan/plan.h"

#include <algorithm>
#include <string_view>

#include "compile/plan/planner.h"

namespace catflap::compile {

Result<Plan> Planner::run() {
    if (!go_on())
        if (auto done = begin(); !done)
            return tl::unexpected(done.error());
    for (auto step : {&Planner::check_sizes, &Planner::number_classes, &Planner::extend_live_tables})
        if (auto done = (this->*step)(); !done)
            return tl::unexpected(done.error());
    if (!plan_.extended.empty())
        return std::move(plan_);
    look_at_frontends();
    plan_.same_tables = desired_.same_endpoints && !plan_.new_basis && outdated_.empty();
    if (!plan_.same_tables)
        if (auto done = make_tables(); !done)
            return tl::unexpected(done.error());
    move_addresses();
    if (plan_.new_basis) {
        move_prefixes();
        move_ports();
    }
    if (!plan_.same_tables || !changed_frontends_.empty())
        note_mixed_services();
    plan_.leftovers = !plan_.same_tables && (plan_.new_basis || retires_a_table()) && is_more_than_needed();
    plan_.mixed.assign(basis_->mixed.begin(), basis_->mixed.end());
    plan_.basis = std::move(basis_);
    return std::move(plan_);
}

bool Planner::go_on() {
    if (!basis_ || !can_go_on(*basis_, desired_))
        return false;
    touched_ = basis_->classification.update(desired_.cluster, desired_.changes);
    if (went_too_far(*basis_))
        return false;
    changed_frontends_ = take_frontends(*basis_, desired_, touched_);
    make_masks();
    return true;
}

// Whose row says otherwise now is made anew, as a table whose rules have changed.
void Planner::look_at_frontends() {
    if (changed_frontends_.empty())
        return;
    for (const TablePointer& table : loaded_.tables) {
        if (table->open() || table->policy->direction != resolve::Direction::egress)
            continue;
        const RuleJudge judge(*table->policy);
        for (const uint32_t frontend : changed_frontends_)
            for (const uint32_t index : classification().classes_of_frontend(frontend)) {
                const auto row = table->row_of.find(masks_->peers_of_frontend(*table->policy, judge, index));
                const ClassNumber number = basis_->numbers[index];
                if (row == table->row_of.end() || number >= table->rows.size() || table->rows[number] != row->second)
                    outdated_.insert(table.get());
            }
    }
}

bool Planner::retires_a_table() const {
    const std::set<TablePointer> kept(plan_.tables.begin(), plan_.tables.end());
    return std::ranges::any_of(loaded_.tables, [&](const TablePointer& table) { return !kept.contains(table); });
}

Result<> Planner::begin() {
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

void Planner::make_masks() {
    masks_ = std::make_unique<MaskMaker>(basis_->classification, desired_.cluster, basis_->port_classes,
                                         desired_.frontends, desired_.departed);
}

bool Planner::is_more_than_needed() const {
    Distinctions wanted = distinctions_of(desired_);
    wanted.relevance.finish();
    return wanted.relevance.block_groups.size() != classification().relevance().block_groups.size() ||
           wanted.ranges.size() != basis_->ranges.size();
}

Result<> Planner::check_sizes() {
    const size_t addresses = classification().addresses().size();
    const Limits& limits = loaded_.limits;
    if (addresses > limits.addresses)
        return does_not_fit("{} addresses of pods and Services do not fit into the tables of addresses, which hold {}",
                            addresses, limits.addresses);
    const size_t prefixes = classification().prefixes().size();
    if (prefixes > limits.prefixes)
        return does_not_fit("the ipBlocks of the policies for this node are {} prefixes, and the map cidrs holds {}",
                            prefixes, limits.prefixes);
    // Interfaces without a pod need nothing: they are closed.
    const auto pods = std::ranges::count_if(desired_.endpoints, [](const EndpointSpec& spec) { return !!spec.pod; });
    if (pods > static_cast<std::ptrdiff_t>(limits.endpoints))
        return does_not_fit("{} pods on this node, and catflap enforces for {} at most", pods, limits.endpoints);
    return {};
}

void Planner::note_mixed_services() {
    std::set<std::vector<PolicyName>> made_of;
    for (const TablePointer& table : plan_.new_tables)
        made_of.insert(table->policy->policies);
    std::set<std::vector<PolicyName>> wanted;
    for (const resolve::PolicyPointer& policy : desired_.resolved.policies)
        if (policy->direction == resolve::Direction::egress)
            wanted.insert(policy->policies);
    std::set<std::string_view> looked_at;
    for (const uint32_t frontend : changed_frontends_)
        looked_at.insert(desired_.frontends[frontend].name);
    std::erase_if(basis_->mixed, [&](const MixedService& service) {
        return !wanted.contains(service.policies) || made_of.contains(service.policies) ||
               looked_at.contains(service.frontend);
    });
    for (const TablePointer& table : plan_.same_tables ? loaded_.tables : plan_.tables)
        basis_->mixed.merge(masks_->mixed(*table->policy));
}

Result<Plan> make_plan(const Loaded& loaded, const Desired& desired, std::shared_ptr<Basis> basis) {
    return Planner(loaded, desired, std::move(basis)).run();
}

}  // namespace catflap::compile
