// SPDX-License-Identifier: Apache-2.0
// The agents of a site.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "bench/lab/control.h"
#include "bench/lab/netns.h"
#include "bench/lab/site.h"

namespace catflap::bench {
namespace {

constexpr auto kPatience = std::chrono::minutes(5);  // iptables with 10,000 policies

}  // namespace

std::filesystem::path Site::run_directory(const std::string& node) const {
    return laboratory_.directory() / fmt::format("run-{}-{}", label_, node);
}

Words Site::agent_command(const std::string& catflapd, const std::string& node) const {
    Words command = {catflapd,
                     "--source",
                     laboratory_.source(),
                     "--node",
                     node,
                     "--run-dir",
                     run_directory(node),
                     "--pin-dir",
                     laboratory_.pins() / fmt::format("{}-{}", label_, node)};
    command.insert(command.end(), mode_.agent.begin(), mode_.agent.end());
    return command;
}

Result<> Site::start_agents(const std::string& catflapd) {
    if (!mode_.enforces())
        return {};
    catflapd_ = catflapd;
    for (const std::string& node : {kNodeA, kNodeB}) {
        const auto log = laboratory_.log(fmt::format("{}-{}", label_, node));
        // CPU 0: traffic runs on the last one.
        auto child = Child::start(agent_command(catflapd, node), {.netns = netns(node), .cpu = 0}, log);
        if (!child)
            return tl::unexpected(child.error());
        agents_.emplace_back(node, std::move(*child));
    }
    for (const auto& [node, child] : agents_) {
        auto answer = Result<nlohmann::json>(tl::unexpected(Error{}));
        for (int tries = 0; !answer && child.alive() && tries < 6000; ++tries) {
            usleep(20'000);
            answer = ask_agent(run_directory(node), {{"command", "status"}}, kPatience);
        }
        if (!answer)
            return fail("catflapd of {} in mode {} does not answer:\n{}", node, mode_.name,
                        read_text(laboratory_.log(fmt::format("{}-{}", label_, node))));
    }
    return {};
}

Result<> Site::settle() const {
    for (const auto& [node, child] : agents_) {
        auto answer = ask_agent(run_directory(node), {{"command", "settle"}}, kPatience);
        if (!answer)
            return fail_because(answer.error(), "settle {} of mode {}", node, mode_.name);
        if (!answer->at("refused").empty())
            return fail("{} of mode {} refuses {}", node, mode_.name, answer->at("refused").front().dump());
    }
    return {};
}

void Site::rest_agent(const std::string& node) {
    std::erase_if(agents_, [&](auto& agent) {
        if (agent.first == node)
            agent.second.terminate();
        return agent.first == node;
    });
}

void Site::stop_agents() {
    if (catflapd_.empty())
        return;
    for (const std::string& node : {kNodeA, kNodeB}) {
        rest_agent(node);
        Words command = agent_command(catflapd_, node);
        command.emplace_back("--remove");
        (void)run(command, "", {.netns = netns(node)});
    }
    catflapd_.clear();
}

pid_t Site::agent_pid(const std::string& node) const {
    for (const auto& [name, child] : agents_)
        if (name == node)
            return child.pid();
    return -1;
}

}  // namespace catflap::bench
