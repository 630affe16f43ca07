// SPDX-License-Identifier: Apache-2.0
// What commits of the eBPF engine retire, and when it is used again: never before the packets that may be reading it
// are gone.
#include <poll.h>

#include "engine/ebpf/ebpf_engine.h"
#include "kernel/fixture.h"
#include "resolve/frontends.h"
#include "resolve/resolve.h"

using namespace catflap;
using namespace catflap::test;

namespace {

const ObjectName kClient = {"shop", "client"};
const ObjectName kOther = {"shop", "other"};

class EngineSite {
  public:
    EngineSite() {
        options_.pin_dir = lab_.pin_dir().string() + "-engine";
        auto engine = engine::EbpfEngine::open(options_, {});
        REQUIRE_MESSAGE(engine, engine.error().message);
        engine_ = std::move(*engine);
    }
    EngineSite(const EngineSite&) = delete;
    EngineSite& operator=(const EngineSite&) = delete;
    ~EngineSite() {
        engine_.reset();
        (void)kernel::remove_datapath(options_.pin_dir, {});
    }

    void commit(const std::map<uint32_t, ObjectName>& pods, const std::string& policies = "") {
        cluster_ = cluster_of(shop_pods() + policies);
        const Cluster& cluster = cluster_;
        std::vector<ObjectName> names;
        std::vector<compile::EndpointSpec> endpoints;
        for (const auto& [ifindex, name] : pods) {
            names.push_back(name);
            compile::EndpointSpec& spec = endpoints.emplace_back();
            spec.ifindex = ifindex;
            spec.interface = fmt::format("v{}", ifindex);
            spec.pod = name;
            spec.addresses[0] = cluster.pods.at(name).addresses.front();
        }
        std::ranges::sort(names);
        resolved_ = resolve::resolve(cluster, names);
        const auto frontends = resolve::frontends_of(cluster, {"n1", {}, names});
        const auto done = engine_->commit({cluster, resolved_, endpoints, frontends});
        REQUIRE_MESSAGE(done, done.error().message);
    }
    void begin_reclaiming() { engine_->begin_reclaiming(); }
    // The end of the grace period that is under way. True: there is something to tidy up.
    bool reclaim() {
        pollfd poller{.fd = engine_->fd(), .events = POLLIN, .revents = 0};
        REQUIRE(poll(&poller, 1, 10'000) == 1);
        const auto again = engine_->reclaim();
        REQUIRE_MESSAGE(again, again.error().message);
        return *again;
    }
    // Of what was committed last.
    Result<> list(report::Page& page) {
        const std::vector<ObjectName> no_pods;
        const std::vector<compile::EndpointSpec> no_endpoints;
        return engine_->list({cluster_, no_endpoints, no_pods, resolved_, index_, ++lists_, {}}, page);
    }
    // Loads the endpoint's config anew, as a repair does. Returns its number.
    uint32_t renew(uint32_t ifindex) {
        auto& committer = static_cast<engine::EbpfEngine&>(*engine_).committer();
        REQUIRE(committer.renew(std::set<uint32_t>{ifindex}));
        return loaded().endpoints.at(ifindex).config;
    }
    [[nodiscard]] uint32_t slot(uint32_t ifindex) const { return loaded().endpoints.at(ifindex).slot; }
    [[nodiscard]] const compile::Loaded& loaded() const {
        return static_cast<const engine::EbpfEngine&>(*engine_).loaded();
    }

  private:
    KernelLab lab_;  // for its namespaces
    Cluster cluster_;
    resolve::Resolved resolved_;
    engine::ListingIndex index_;
    uint64_t lists_ = 0;
    engine::Options options_;
    std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

TEST_CASE("a list of sets comes to its end, with every member once, however little a page has time for") {
    EngineSite node;
    node.commit({{1, kWeb}}, web_policy());
    std::multiset<std::string> members;  // "set: address"
    std::string after;
    for (int pages = 0; pages == 0 || !after.empty(); ++pages) {
        REQUIRE(pages < 100'000);
        report::Page page({.kind = report::Kind::sets, .after = after}, {.time = std::chrono::microseconds(0)},
                          [&](const report::Row& row) {
                              const auto& set = std::get<report::SetRow>(row);
                              for (const std::string& member : set.members)
                                  members.insert(set.name + ": " + member);
                          });
        const auto done = node.list(page);
        REQUIRE_MESSAGE(done, done.error().message);
        CHECK(page.next() != after);
        after = page.next();
    }
    CHECK_FALSE(members.empty());
    for (const std::string& member : members)
        CHECK(members.count(member) == 1);
}

TEST_CASE("the slot of a pod that is gone is another's after a grace period, not before") {
    EngineSite node;
    node.commit({{1, kWeb}});
    const uint32_t left = node.slot(1);
    node.commit({});
    node.commit({{2, kClient}});
    CHECK(node.slot(2) != left);
    node.begin_reclaiming();
    node.reclaim();
    node.commit({{2, kClient}, {3, kOther}});
    CHECK(node.slot(3) == left);
}

TEST_CASE("what a repair retires while a grace period goes by waits for another one, too") {
    EngineSite node;
    node.commit({{1, kWeb}});
    const uint32_t left = node.loaded().endpoints.at(1).config;
    node.begin_reclaiming();
    const uint32_t second = node.renew(1);
    CHECK(second != left);
    CHECK_FALSE(node.reclaim());
    CHECK(node.renew(1) != left);
    node.reclaim();  // the one that began since
    node.reclaim();
    CHECK(std::set<uint32_t>{left, second}.contains(node.renew(1)));
}

TEST_CASE("what is retired while a grace period goes by waits for another one, which begins by itself") {
    EngineSite node;
    node.commit({{1, kWeb}, {2, kClient}});
    const std::set<uint32_t> left = {node.slot(1), node.slot(2)};
    node.commit({{2, kClient}});
    node.begin_reclaiming();
    node.commit({});
    CHECK_FALSE(node.reclaim());
    node.commit({{3, kOther}});
    CHECK_FALSE(left.contains(node.slot(3)));
    node.reclaim();  // the third one begins
    node.reclaim();
    node.commit({{1, kWeb}, {2, kClient}, {3, kOther}});
    CHECK(left == std::set<uint32_t>{node.slot(1), node.slot(2)});
}

TEST_CASE("where commits come without a pause, what they retire is given back all the same") {
    EngineSite node;
    node.commit({{1, kWeb}});
    const uint32_t left = node.slot(1);
    node.commit({});
    node.begin_reclaiming();
    for (int i = 0; i < 20; ++i) {
        node.commit({});
        node.reclaim();
    }
    node.commit({{2, kClient}});
    CHECK(node.slot(2) == left);
}

TEST_CASE("classes of ports that only a retired table told apart are tidied up after it") {
    EngineSite node;
    node.commit({{1, kWeb}});
    const size_t before = node.loaded().port_numbers.size();
    node.commit({{1, kWeb}}, web_policy());
    const size_t with_policy = node.loaded().port_numbers.size();
    CHECK(with_policy > before);
    node.commit({{1, kWeb}});
    CHECK(node.loaded().port_numbers.size() == with_policy);
    node.begin_reclaiming();
    CHECK(node.reclaim());
    node.commit({{1, kWeb}});
    CHECK(node.loaded().port_numbers.size() == before);
    node.begin_reclaiming();
    CHECK_FALSE(node.reclaim());
}
