// SPDX-License-Identifier: Apache-2.0
// An endpoint's two chains, and the profiles behind its policies.
#include "iptables/render/chains.h"
#include "iptables/render/names.h"

namespace catflap::iptables {
namespace {

Rule when_state(const char* states, Verb verb) {
    return {.match = {.states = states}, .target = {verb}};
}

Rule clear(uint32_t bits) {
    return {.target = {.verb = Verb::clear_mark, .bits = bits}};
}

// Packets in packets would pass every policy of other pods.
void append_encapsulation(Chain& chain) {
    chain.append({.match = {.protocol = "4"}, .target = {Verb::drop}, .note = "Drop IPIP from pods"});
    chain.append({.match = {.protocol = "udp", .ports = {{4789, 4789}}},
                  .target = {Verb::drop},
                  .note = "Drop VXLAN from pods"});
}

void append_policies(Chain& chain, const Way& way, const std::vector<ObjectName>& policies) {
    const MarkMatch not_passed_on{kPassedOn, false};
    chain.append(clear(kPassedOn));
    for (const ObjectName& policy : policies) {
        chain.append({.match = {.mark = not_passed_on},
                      .target = {.verb = Verb::jump, .chain = policy_chain_name(way, policy)}});
        chain.append(return_where_accepted());
    }
    chain.append({.match = {.mark = not_passed_on},
                  .target = {Verb::drop},
                  .note = "Drop if no policies passed packet",
                  .credit = Credit{.direction = way.direction, .policies = policies, .denied = true}});
}

}  // namespace

Rule return_where_accepted() {
    return {.match = {.mark = MarkMatch{kAccepted, true}}, .target = {Verb::return_to_caller}};
}

Chain endpoint_chain(const Way& way, const std::string& interface, const Pod& pod,
                     const std::vector<ObjectName>& policies, const RenderOptions& options) {
    Chain chain{std::string(way.endpoint) + interface, {}};
    chain.append(when_state("RELATED,ESTABLISHED", Verb::accept));
    chain.append(when_state("INVALID", Verb::drop));
    chain.append(clear(kAccepted));
    if (way.direction == resolve::Direction::egress && options.drop_encapsulation)
        append_encapsulation(chain);
    if (!policies.empty())
        append_policies(chain, way, policies);
    for (const std::string& profile : {namespace_profile_name(way, pod.name.ns), account_profile_name(way, pod)}) {
        chain.append({.target = {.verb = Verb::jump, .chain = profile}});
        chain.append(return_where_accepted());
    }
    chain.append({.target = {Verb::drop}, .note = "Drop if no profiles matched"});
    return chain;
}

std::string policy_chain_name(const Way& way, const ObjectName& policy) {
    return chain_name(way.policy, to_string(policy));
}

std::string namespace_profile_name(const Way& way, const std::string& ns) {
    return chain_name(way.profile, "kns." + ns);
}

std::string account_profile_name(const Way& way, const Pod& pod) {
    return chain_name(way.profile, "ksa." + pod.name.ns + "." + pod.service_account);
}

// Admits everything: so a pod that no policy isolates is open.
Chain namespace_profile(const Way& way, const std::string& ns) {
    Chain chain{namespace_profile_name(way, ns), {}};
    chain.append({.target = {.verb = Verb::set_mark, .bits = kAccepted}});
    chain.append(return_where_accepted());
    return chain;
}

Chain account_profile(const Way& way, const Pod& pod) {
    return {account_profile_name(way, pod), {}};
}

}  // namespace catflap::iptables
