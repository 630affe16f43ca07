// SPDX-License-Identifier: Apache-2.0
#include "bench/traffic/slices.h"

#include <doctest/doctest.h>

using namespace catflap;
using namespace catflap::bench;

namespace {

constexpr uint64_t kLeadIn = 300;

// Notes when it works and when it rests.
class Fake : public Workload {
  public:
    Fake(std::string name, std::string& diary, uint64_t ns_of_one)
        : name_(std::move(name)), diary_(diary), ns_of_one_(ns_of_one) {}
    Result<Slice> work(uint64_t at_least_ns) override {
        if (at_least_ns == kLeadIn)
            return Slice{1, at_least_ns};
        diary_ += name_;
        if (broken)
            return fail("no route");
        return Slice{at_least_ns / ns_of_one_, at_least_ns};
    }
    Result<> rest() override {
        diary_ += '(' + name_ + ')';
        return {};
    }
    bool broken = false;

  private:
    std::string name_;
    std::string& diary_;
    uint64_t ns_of_one_;
};

}  // namespace

TEST_CASE("modes are visited there and back, rest beside it, and the first turn is not counted") {
    std::string diary;
    Fake a("a", diary, 1000), b("b", diary, 2000), c("c", diary, 500);
    const std::vector<Visited> modes = {{"A", &a}, {"B", &b}, {"C", &c}};
    const auto rates = take_turns(modes, {2, 2 * kMillisecondNs, kLeadIn});
    REQUIRE(rates);
    CHECK(diary == "(a)(b)(c)abccba(a)(b)(c)abccba(a)(b)(c)abccba(a)(b)(c)");
    CHECK(rates->at("A") == std::vector<double>(4, 1e6));
    CHECK(rates->at("B") == std::vector<double>(4, 5e5));
    CHECK(rates->at("C") == std::vector<double>(4, 2e6));
}

TEST_CASE("a slice that fails ends the turns, and names its mode") {
    std::string diary;
    Fake a("a", diary, 1000), b("b", diary, 1000);
    b.broken = true;
    const std::vector<Visited> modes = {{"A", &a}, {"B", &b}};
    const auto rates = take_turns(modes, {2, 2 * kMillisecondNs, kLeadIn});
    REQUIRE_FALSE(rates);
    CHECK(rates.error().message.find("mode B") != std::string::npos);
    CHECK(rates.error().message.find("no route") != std::string::npos);
    CHECK(diary == "(a)(b)ab");
}
