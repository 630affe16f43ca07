// SPDX-License-Identifier: Apache-2.0
#include "resolve/departed.h"

#include <doctest/doctest.h>

using namespace catflap;
using namespace catflap::resolve;

namespace {

Address address(const std::string& text) {
    return parse_address(text).value();
}

struct Story {
    Cluster cluster;
    Departed departed;

    Story() {
        put("near", "10.9.1.1");
        lead_to({"10.9.1.1"});
    }

    void lead_to(const std::vector<std::string>& backends) {
        Frontend frontend{"shop/web IPv4", {address("10.96.0.1")}, {{Protocol::tcp, 80, {}}}};
        for (const std::string& text : backends)
            frontend.ports[0].backends.push_back({address(text), 8080});
        departed.set_frontends({frontend});
    }

    void put(const std::string& name, const std::string& text) {
        Pod pod;
        pod.name = {"shop", name};
        pod.addresses = {address(text)};
        change(name, pod);
    }

    void change(const std::string& name, const std::optional<Pod>& pod) {
        const ObjectName key{"shop", name};
        Changes changes;
        const auto before = cluster.pods.find(key);
        changes.pods[key] = before == cluster.pods.end() ? std::nullopt : std::optional(before->second);
        cluster.pods.erase(key);
        if (pod)
            cluster.pods[key] = *pod;
        departed.update(cluster, changes);
    }

    // The name of the pod that the address is judged by.
    [[nodiscard]] std::string behind(const std::string& text) const {
        const auto found = departed.pods().find(address(text));
        return found == departed.pods().end() ? "" : found->second.name.name;
    }
};

}  // namespace

TEST_CASE("a pod that is gone is known for as long as a Service leads to its address") {
    Story story;
    CHECK(story.behind("10.9.1.1").empty());
    story.change("near", std::nullopt);
    CHECK(story.behind("10.9.1.1") == "near");
    story.lead_to({"10.9.1.1", "10.9.2.1"});
    CHECK(story.behind("10.9.1.1") == "near");
    story.lead_to({"10.9.2.1"});
    CHECK(story.behind("10.9.1.1").empty());
    story.lead_to({"10.9.1.1"});
    CHECK(story.behind("10.9.1.1").empty());
}

TEST_CASE("a pod that finished, or moved to another address, has left its address, too") {
    Story story;
    Pod finished = story.cluster.pods.begin()->second;
    finished.finished = true;
    story.change("near", finished);
    CHECK(story.behind("10.9.1.1") == "near");
    story.put("near", "10.9.1.1");
    CHECK(story.behind("10.9.1.1").empty());
    story.put("near", "10.9.1.7");
    CHECK(story.behind("10.9.1.1") == "near");
}

TEST_CASE("an address that another pod has is that pod's, whether it came before or afterwards") {
    Story story;
    story.change("near", std::nullopt);
    story.put("new", "10.9.1.1");
    CHECK(story.behind("10.9.1.1").empty());
    story.put("second", "10.9.1.1");
    story.change("new", std::nullopt);
    CHECK(story.behind("10.9.1.1").empty());
    story.change("second", std::nullopt);
    CHECK(story.behind("10.9.1.1") == "second");
}

TEST_CASE("pods to which no Service leads are not kept") {
    Story story;
    story.put("other", "10.9.1.9");
    story.change("other", std::nullopt);
    CHECK(story.departed.pods().empty());
}
