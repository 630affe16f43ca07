// SPDX-License-Identifier: Apache-2.0
#include "compile/plan/plan.h"

#include <algorithm>

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

bool Planner::go_on() {
    if (!basis_ || !can_go_on(*basis_, desired_))
        return false;
    touched_ = basis_->classification.update(desired_.cluster, desired_.changes);
    if (went_too_far(*basis_, touched_))
        return false;
    make_masks();
    return true;
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
    masks_.emplace(basis_->classification, desired_.cluster, basis_->port_classes, desired_.frontends,
                   desired_.departed);
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

Result<Plan> make_plan(const Loaded& loaded, const Desired& desired, std::shared_ptr<Basis> basis) {
    return Planner(loaded, desired, std::move(basis)).run();
}

}  // namespace catflap::compile
