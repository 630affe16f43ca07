// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster_nodes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/render.h"

namespace catflap::cli {
namespace {

using std::chrono::system_clock;

// RFC 3339, in UTC.
std::string time_text(system_clock::time_point time) {
    const std::time_t whole_s = system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&whole_s, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
}

struct Counts {
    size_t pods = 0;
    size_t selected = 0;
};

class Nodes {
  public:
    explicit Nodes(const ClusterView& view) : view_(view) {
        for (const source::Lease& lease : view.leases) {
            const source::Lease*& known = leases_[lease.node];
            if (known == nullptr || known->renewed_at < lease.renewed_at)
                known = &lease;
        }
        for (const auto& [name, node] : view.cluster.nodes)
            names_.insert(name);
        for (const auto& [name, pod] : view.cluster.pods)
            count(pod);
    }

    nlohmann::json describe() {
        nlohmann::json nodes = nlohmann::json::array();
        if (leases_.empty())
            problems_.push_back(fmt::format(
                "no agent holds a Lease in the namespace {}: they do not run, may not hold one (the Role catflapd of "
                "deploy/kustomize/base/rbac.yaml), or hold it elsewhere (--lease-namespace)",
                view_.lease_namespace));
        for (const std::string& name : names_)
            nodes.push_back(row(name));
        for (const auto& [name, lease] : leases_)
            if (!names_.contains(name) && lives(*lease))
                problems_.push_back(fmt::format(
                    "an agent says that its node is {}, and there is no such Node: give catflapd --node the name that "
                    "the Node has",
                    name));
        return {{"nodes", std::move(nodes)},
                {"unattended", pods()},
                {"problems", std::move(problems_)},
                {"counts",
                 {{"nodes", names_.size()},
                  {"enforcing", enforcing_},
                  {"withoutAgent", without_agent_},
                  {"unattended", unattended_.size()}}}};
    }

  private:
    // As is_policed(), of pods that have a node.
    void count(const Pod& pod) {
        if (pod.node.empty() || !is_policed(pod))
            return;
        names_.insert(pod.node);
        Counts& counts = counts_[pod.node];
        ++counts.pods;
        auto policies = resolve::policies_selecting(view_.cluster, pod);
        if (policies.empty())
            return;
        ++counts.selected;
        if (!attended(pod.node))
            unattended_.emplace_back(&pod, std::move(policies));
    }

    // A clock that is ahead would let a dead agent live for so long.
    [[nodiscard]] bool is_ahead(const source::Lease& lease) const {
        return lease.renewed_at > view_.now + lease.duration;
    }
    [[nodiscard]] bool lives(const source::Lease& lease) const {
        return view_.now <= lease.renewed_at + lease.duration && !is_ahead(lease);
    }
    [[nodiscard]] const source::Lease* lease_of(const std::string& node) const {
        const auto lease = leases_.find(node);
        return lease == leases_.end() ? nullptr : lease->second;
    }
    [[nodiscard]] bool attended(const std::string& node) const {
        const source::Lease* lease = lease_of(node);
        return lease != nullptr && lives(*lease);
    }

    // Why no agent is due there; "": one is. As the affinity of deploy/kustomize/base/daemonset.yaml has it.
    [[nodiscard]] std::string beyond(const std::string& name) const {
        const auto node = view_.cluster.nodes.find(name);
        if (node == view_.cluster.nodes.end())
            return "no Node";
        if (node->second.is_virtual)
            return "virtual";
        const auto os = view_.other_os.find(name);
        return os == view_.other_os.end() ? "" : os->second;
    }

    [[nodiscard]] double age_s(const source::Lease& lease) const {
        return std::max(0.0, std::chrono::duration<double>(view_.now - lease.renewed_at).count());
    }

    [[nodiscard]] std::string state_of(const std::string& name) const {
        const source::Lease* lease = lease_of(name);
        if (lease != nullptr && lives(*lease))
            return lease->state.empty() ? "enforcing" : lease->state;
        const std::string elsewhere = beyond(name);
        return !elsewhere.empty() ? elsewhere
               : lease == nullptr ? "no agent"
               : is_ahead(*lease) ? "clock ahead"
                                  : "silent";
    }

    // "": nothing, or nothing that an agent could mend.
    [[nodiscard]] std::string problem_of(const std::string& name, const std::string& state) const {
        if (attended(name))
            return state == "enforcing" ? "" : fmt::format("{}: {}; see catflap status --check there", name, state);
        if (!beyond(name).empty())
            return "";
        const source::Lease* lease = lease_of(name);
        if (lease != nullptr && is_ahead(*lease))
            return fmt::format(
                "{}: its agent's Lease is dated {} from now, so nobody can tell whether it lives; compare the clocks there "
                "and here (timedatectl)",
                name, human_seconds(std::chrono::duration<double>(lease->renewed_at - view_.now).count()));
        if (lease != nullptr)
            return fmt::format(
                "{}: its agent has been silent for {}; what was in force stays in force, changes are not applied, and new "
                "pods stay closed",
                name, human_seconds(age_s(*lease)));
        return leases_.empty()
                   ? ""  // that is said once
                   : fmt::format("{}: no agent has told that it lives there; without one nothing is enforced", name);
    }

    nlohmann::json row(const std::string& name) {
        const source::Lease* lease = lease_of(name);
        const bool alive = attended(name);
        const bool due = beyond(name).empty();
        const std::string state = state_of(name);
        if (std::string problem = problem_of(name, state); !problem.empty())
            problems_.push_back(std::move(problem));
        enforcing_ += alive && state == "enforcing" ? 1 : 0;
        without_agent_ += due && !alive ? 1 : 0;
        const Counts& counts = counts_[name];
        nlohmann::json result = {{"node", name},
                                 {"state", state},
                                 {"alive", alive},
                                 {"agentDue", due},
                                 {"pods", counts.pods},
                                 {"selectedPods", counts.selected},
                                 {"unattendedPods", alive ? 0 : counts.selected}};
        if (lease != nullptr)
            result.update({{"version", lease->version},
                           {"mode", lease->mode},
                           {"lastSeenAt", time_text(lease->renewed_at)},
                           {"lastSeenSeconds", static_cast<int64_t>(age_s(*lease))},
                           {"leaseSeconds", lease->duration.count()}});
        return result;
    }

    [[nodiscard]] nlohmann::json pods() const {
        nlohmann::json result = nlohmann::json::array();
        for (const auto& [pod, policies] : unattended_) {
            std::vector<std::string> names;
            for (const PolicyName& policy : policies)
                names.push_back(to_string(policy));
            result.push_back({{"namespace", pod->name.ns},
                              {"pod", pod->name.name},
                              {"node", pod->node},
                              {"policies", std::move(names)}});
        }
        return result;
    }

    const ClusterView& view_;
    std::map<std::string, const source::Lease*> leases_;  // the newest of each node
    std::set<std::string> names_;                         // of Nodes, and those that pods name
    std::map<std::string, Counts> counts_;
    std::vector<std::pair<const Pod*, std::vector<PolicyName>>> unattended_;
    std::vector<std::string> problems_;
    size_t enforcing_ = 0;
    size_t without_agent_ = 0;
};

}  // namespace

nlohmann::json to_json(const ClusterView& view) {
    return Nodes(view).describe();
}

}  // namespace catflap::cli
