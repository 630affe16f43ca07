// SPDX-License-Identifier: Apache-2.0
#include "model/labels.h"

#include <doctest/doctest.h>

#include <thread>

using catflap::Labels;

TEST_CASE("labels are a map: sorted by name, one value for each") {
    Labels labels = {{"b", "2"}, {"a", "1"}, {"b", "3"}};
    CHECK(labels.size() == 2);
    CHECK(labels.begin()->first == "a");
    CHECK(labels.at("b") == "2");
    CHECK(labels.find("c") == labels.end());
    CHECK_THROWS_AS((void)labels.at("c"), std::out_of_range);
    labels.set("c", "4");
    labels.set("a", "0");
    labels.add("a", "9");
    labels.add("aa", "5");
    CHECK(labels == Labels{{"a", "0"}, {"aa", "5"}, {"b", "2"}, {"c", "4"}});
    labels.erase(labels.find("aa"));
    CHECK(labels == Labels{{"a", "0"}, {"b", "2"}, {"c", "4"}});
    CHECK(Labels() < labels);
    CHECK(Labels{{"a", "0"}, {"b", "3"}} > labels);
}

TEST_CASE("a change of one copy leaves the others as they are") {
    const Labels web = Labels{{"app", "web"}}.shared();
    Labels changed = web;
    CHECK(changed.is_shared_with(web));
    changed.set("app", "db");
    CHECK(web.at("app") == "web");
    CHECK(changed != web);
    Labels none = web;
    none.erase(none.begin());
    CHECK(none == Labels());
    CHECK(web.size() == 1);
}

TEST_CASE("equal labels that were shared have the same memory, also by several threads, and after a sweep") {
    const Labels web = Labels{{"app", "web"}, {"tier", "front"}}.shared();
    CHECK(Labels{{"tier", "front"}, {"app", "web"}}.shared().is_shared_with(web));
    CHECK_FALSE(Labels{{"app", "web"}}.shared().is_shared_with(web));
    // Two sets that concatenate to the same text are two.
    CHECK(Labels{{"ab", "c"}}.shared() != Labels{{"a", "bc"}}.shared());
    const auto come_and_go = [] {
        for (int i = 0; i < 5000; ++i)
            (void)Labels{{"job", std::to_string(i)}}.shared();
    };
    std::thread other(come_and_go);
    come_and_go();
    other.join();
    CHECK(Labels{{"app", "web"}, {"tier", "front"}}.shared().is_shared_with(web));
    CHECK(Labels().shared().empty());
}
