// SPDX-License-Identifier: Apache-2.0
#include "iptables/render/render.h"

#include <set>

#include "iptables/render/chains.h"

namespace catflap::iptables {
namespace {

struct LocalPod {
    std::string interface;
    const Pod* pod = nullptr;
    std::array<std::vector<ObjectName>, 2> policies;  // that isolate it, by Direction
};

const std::vector<ObjectName>& policies_of(const LocalPod& local, const Way& way) {
    return local.policies[static_cast<size_t>(way.direction)];
}

class Renderer {
  public:
    Renderer(const Cluster& cluster, const std::vector<Endpoint>& endpoints, const RenderOptions& options)
        : cluster_(cluster), options_(options), membership_(cluster) {
        std::map<std::string, std::vector<const Policy*>> by_namespace;
        for (const auto& [name, policy] : cluster.policies)
            by_namespace[name.ns].push_back(&policy);
        for (const Endpoint& endpoint : endpoints) {
            if (!endpoint.pod)
                continue;  // no entry in the dispatch chains: dropped at their ends
            LocalPod local{endpoint.interface, &cluster.pods.at(*endpoint.pod), {}};
            for (const Policy* policy : by_namespace[endpoint.pod->ns])
                if (matches(policy->pods, local.pod->labels))
                    note(local, *policy);
            pods_.push_back(std::move(local));
        }
    }

    State render() {
        for (const Family family : options_.families) {
            Rules& rules = state_.families[static_cast<size_t>(family)];
            rules.hooks = hook_rules();
            for (Chain& chain : hook_chains(family, options_.interface_prefixes))
                put(rules, std::move(chain));
            for (const Way* way : {&kFromPod, &kToPod})
                add_way(rules, family, *way);
        }
        return std::move(state_);
    }

  private:
    static void note(LocalPod& local, const Policy& policy) {
        if (policy.isolates_egress)
            local.policies[static_cast<size_t>(resolve::Direction::egress)].push_back(policy.name);
        if (policy.isolates_ingress)
            local.policies[static_cast<size_t>(resolve::Direction::ingress)].push_back(policy.name);
    }

    static void put(Rules& rules, Chain chain) {
        std::string name = chain.name;
        rules.chains.insert_or_assign(std::move(name), std::move(chain));
    }

    void add_way(Rules& rules, Family family, const Way& way) {
        std::vector<std::string> interfaces;
        std::set<ObjectName> used;
        for (const LocalPod& local : pods_) {
            const auto& policies = policies_of(local, way);
            interfaces.push_back(local.interface);
            used.insert(policies.begin(), policies.end());
            put(rules, endpoint_chain(way, local.interface, *local.pod, policies, options_));
            put(rules, namespace_profile(way, local.pod->name.ns));
            put(rules, account_profile(way, *local.pod));
        }
        for (Chain& chain : dispatch_chains(way, std::move(interfaces)))
            put(rules, std::move(chain));
        for (const ObjectName& name : used)
            put(rules, policy_chain(way, family, cluster_.policies.at(name), membership_, state_.sets));
    }

    const Cluster& cluster_;
    const RenderOptions& options_;
    Membership membership_;
    std::vector<LocalPod> pods_;
    State state_;
};

}  // namespace

State render(const Cluster& cluster, const std::vector<Endpoint>& endpoints, const RenderOptions& options) {
    return Renderer(cluster, endpoints, options).render();
}

}  // namespace catflap::iptables
