// SPDX-License-Identifier: Apache-2.0
#include "compile/admission/admission.h"

#include <algorithm>
#include <unordered_set>

#include "compile/admission/fair_order.h"
#include "compile/admission/greedy.h"
#include "resolve/cluster_rules.h"
#include "resolve/order.h"
#include "resolve/resolver.h"

namespace catflap::compile {
namespace {

std::vector<ObjectName> pods_in_fair_order(const Cluster& cluster, const std::vector<ObjectName>& names) {
    std::vector<Candidate> candidates;
    for (const ObjectName& name : names)
        if (cluster.pods.contains(name))
            candidates.push_back({name, "", 1});
    return in_fair_order(std::move(candidates));
}

bool has_egress_rules(const Policy& policy) {
    return policy.isolates_egress && !policy.egress.empty();
}

bool has_egress_rules(const ClusterPolicy& policy) {
    return !policy.egress.empty();
}

// Goes from limit to limit; each later step works on what the earlier ones admitted.
class Admitting {
  public:
    Admitting(const Cluster& cluster, resolve::ThisNode node, const Limits& limits, std::function<void()> alive)
        : source_(cluster), trial_(cluster), node_(std::move(node)), limits_(limits), alive_(std::move(alive)) {}

    Admission run() {
        find_policies();
        close_surplus_pods();
        frontends_ = resolve::frontends_of(trial_, node_);
        strip_addresses();
        for (const PolicyName& name : policies_)
            set_rules(name, false);
        close_pods_that_do_not_fit();
        admit_policies();
        std::ranges::sort(result_.refusals);
        return std::move(result_);
    }

  private:
    void refuse(std::string kind, const ObjectName& name, std::string reason) {
        result_.refusals.push_back({std::move(kind), name, std::move(reason)});
    }

    // Others cost nothing here. Those of the cluster stand first: their owner decides over namespaces' owners.
    void find_policies() {
        std::map<std::string, Labels> namespaces;
        for (const ObjectName& pod : node_.pods)
            namespaces.try_emplace(pod.ns, Labels{});
        for (auto& [name, labels] : namespaces)
            labels = namespace_labels(source_, name);
        const auto add = [&](const PolicyName& name) {
            const ClusterPolicy& policy = source_.cluster_policies.at(name);
            if (std::ranges::any_of(node_.pods, [&](const ObjectName& pod) {
                    return resolve::selects(policy, namespaces.at(pod.ns), source_.pods.at(pod));
                }))
                policies_.push_back(name);
        };
        for (const ClusterTier tier : {ClusterTier::admin, ClusterTier::baseline})
            for (const PolicyName& name : resolve::in_order(source_, tier))
                add(name);
        const auto selects = [&](const Policy& policy) {
            return std::ranges::any_of(node_.pods, [&](const ObjectName& pod) {
                return pod.ns == policy.name.ns && matches(policy.pods, source_.pods.at(pod).labels);
            });
        };
        for (const auto& entry : source_.policies)
            if (selects(entry.second))
                policies_.emplace_back(entry.first);
    }

    void close(const ObjectName& pod, const std::string& reason) {
        result_.closed.insert(pod);
        std::erase(node_.pods, pod);
        refuse("Pod", pod, reason + "; everything on its interface is dropped");
    }

    void close_surplus_pods() {
        const auto order = pods_in_fair_order(source_, node_.pods);
        for (size_t i = limits_.endpoints; i < order.size(); ++i)
            close(order[i], fmt::format("{} pods on this node, and catflap enforces for {} at most", order.size(),
                                        limits_.endpoints));
    }

    // Services come first: without its class an ipBlock would admit a Service's address, whatever is behind it.
    void strip_addresses() {
        std::unordered_set<Address> taken;
        for (const resolve::Frontend& frontend : frontends_)
            taken.insert(frontend.addresses.begin(), frontend.addresses.end());
        egress_fits_ = taken.size() <= limits_.addresses;
        if (!egress_fits_)
            taken.clear();
        std::vector<ObjectName> names;
        for (const auto& [name, pod] : source_.pods)
            if (is_policed(pod) && !pod.addresses.empty())
                names.push_back(name);
        if (taken.size() + 2 * names.size() <= limits_.addresses)
            return;
        for (const ObjectName& name : pods_in_fair_order(source_, names)) {
            const auto& addresses = source_.pods.at(name).addresses;
            const auto fresh = static_cast<size_t>(
                std::ranges::count_if(addresses, [&](const Address& address) { return !taken.contains(address); }));
            if (taken.size() + fresh > limits_.addresses)
                strip(name);
            else
                taken.insert(addresses.begin(), addresses.end());
        }
    }

    void strip(const ObjectName& pod) {
        trial_.pods.at(pod).addresses.clear();
        result_.without_addresses.insert(pod);
        refuse("Pod", pod,
               fmt::format("the tables of addresses hold {}, those of Services among them; no selector admits its "
                           "address, only an ipBlock does",
                           limits_.addresses));
    }

    void set_rules(const PolicyName& name, bool rules) {
        if (name.kind != PolicyKind::network_policy) {
            ClusterPolicy& policy = trial_.cluster_policies.at(name);
            policy = rules ? source_.cluster_policies.at(name) : without_rules(policy);
            toggled_.cluster_policies.insert(name);
            return;
        }
        const ObjectName object{name.ns, name.name};
        Policy& policy = trial_.policies.at(object);
        policy = rules ? source_.policies.at(object) : without_rules(policy);
        toggled_.policies.insert(object);
    }

    [[nodiscard]] bool has_egress_rules_of(const PolicyName& name) const {
        return name.kind == PolicyKind::network_policy ? has_egress_rules(source_.policies.at({name.ns, name.name}))
                                                       : has_egress_rules(source_.cluster_policies.at(name));
    }

    // Policies of the cluster, by rank; then the others in a fair order.
    [[nodiscard]] std::vector<PolicyName> in_order_of_admission(const std::vector<PolicyName>& names) const {
        std::vector<PolicyName> order;
        std::vector<ObjectName> of_namespaces;
        for (const PolicyName& name : names)
            if (name.kind == PolicyKind::network_policy)
                of_namespaces.push_back({name.ns, name.name});
            else
                order.push_back(name);
        for (const ObjectName& name : in_fair_order(source_, of_namespaces, limits_))
            order.emplace_back(name);
        return order;
    }

    // Of the trial cluster as it is now.
    Result<> fits(const std::vector<ObjectName>& pods) {
        if (alive_)
            alive_();
        resolver_.update(trial_, pods, std::exchange(toggled_, {}));
        std::vector<EndpointSpec> endpoints;
        for (const ObjectName& pod : pods) {
            EndpointSpec& spec = endpoints.emplace_back();
            spec.ifindex = static_cast<uint32_t>(endpoints.size());
            spec.pod = pod;
        }
        const bool egress = std::ranges::any_of(resolver_.resolved().policies, [](const auto& policy) {
            return policy->direction == resolve::Direction::egress && !policy->rules.empty();
        });
        const auto needs =
            measure({trial_, resolver_.resolved(), endpoints, egress ? frontends_ : kNoFrontends}, limits_);
        if (!needs)
            return tl::unexpected(needs.error());
        result_.needs = *needs;
        return {};
    }

    // Only where namespaces alone are too many for the tables of all pods.
    void close_pods_that_do_not_fit() {
        const auto order = pods_in_fair_order(source_, node_.pods);
        Greedy greedy(order.size(), [&](const std::vector<bool>& chosen) {
            std::vector<ObjectName> pods;
            for (size_t i = 0; i < order.size(); ++i)
                if (chosen[i])
                    pods.push_back(order[i]);
            std::ranges::sort(pods);
            return fits(pods);
        });
        greedy.run();
        for (size_t i = 0; i < order.size(); ++i)
            if (!greedy.chosen()[i])
                close(order[i], greedy.reason(i));
    }

    void admit_policies() {
        std::vector<PolicyName> candidates;
        for (const PolicyName& name : policies_) {
            if (egress_fits_ || !has_egress_rules_of(name))
                candidates.push_back(name);
            else
                refuse_rules(name, fmt::format("Services have more than the {} addresses that the tables hold: what "
                                               "an egress rule admits cannot be told",
                                               limits_.addresses));
        }
        const auto order = in_order_of_admission(candidates);
        std::vector<bool> now(order.size());
        const auto show = [&](const std::vector<bool>& chosen) {
            for (size_t i = 0; i < order.size(); ++i)
                if (chosen[i] != now[i])
                    set_rules(order[i], chosen[i]);
            now = chosen;
        };
        Needs needs = result_.needs;
        Greedy greedy(order.size(), [&](const std::vector<bool>& chosen) {
            show(chosen);
            auto done = fits(node_.pods);
            if (done)
                needs = result_.needs;
            return done;
        });
        greedy.run();
        result_.needs = needs;
        for (size_t i = 0; i < order.size(); ++i)
            if (!greedy.chosen()[i])
                refuse_rules(order[i], greedy.reason(i));
    }

    void refuse_rules(const PolicyName& policy, const std::string& reason) {
        result_.without_rules.insert(policy);
        refuse(std::string(catflap::to_string(policy.kind)), {policy.ns, policy.name},
               reason + (policy.kind == PolicyKind::network_policy ? "; its pods are isolated without its rules"
                                                                   : "; everything is denied to its pods"));
    }

    const Cluster& source_;
    Cluster trial_;
    resolve::ThisNode node_;
    Limits limits_;
    std::function<void()> alive_;
    std::vector<PolicyName> policies_;  // that select pods of this node
    std::vector<resolve::Frontend> frontends_;
    bool egress_fits_ = true;
    resolve::Resolver resolver_;
    Changes toggled_ = Changes::all();  // since the resolver looked
    Admission result_;
};

}  // namespace

std::string to_string(const Refusal& refusal) {
    return refusal.kind + " " + (refusal.object.ns.empty() ? refusal.object.name : to_string(refusal.object));
}

Admission admit(const Cluster& cluster, const resolve::ThisNode& node, const Limits& limits,
                std::function<void()> alive) {
    return Admitting(cluster, node, limits, std::move(alive)).run();
}

Policy without_rules(const Policy& policy) {
    Policy result = policy;
    result.ingress.clear();
    result.egress.clear();
    return result;
}

ClusterPolicy without_rules(const ClusterPolicy& policy) {
    ClusterPolicy result = policy;
    for (auto* rules : {&result.ingress, &result.egress})
        if (!rules->empty())
            *rules = {{.name = "", .action = RuleAction::deny, .peers = {}, .ports = {}, .unknown = true}};
    return result;
}

}  // namespace catflap::compile
