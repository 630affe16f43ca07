// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "base/printable.h"
#include "base/spelling.h"
#include "base/utf8.h"

using namespace catflap;

TEST_CASE("printable text leaves a terminal and a log alone") {
    CHECK(printable("größe 10 €") == "größe 10 €");
    CHECK(printable("a\x1b[31mb\nc\rd\te\x7f") == "a\\x1b[31mb\\x0ac\\x0dd\\x09e\\x7f");
    CHECK(printable("\xc2\x9b"
                    "31m") == "\\x9b31m");  // CSI in one character
    CHECK(printable("r\xe9seau \xff") == "r\\xe9seau \\xff");
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
    CHECK(printable("a\xe2\x80\xae"
                    "b\xe2\x80\xa8"
                    "c\xef\xbb\xbf") == "a\\u202eb\\u2028c\\ufeff");
    CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("UTF-8: neither overlong nor cut off nor a surrogate") {
    for (const char* good :
         {"a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        CHECK(utf8_length(good) == std::string_view(good).size());
    for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
                            "\xc2"
                            "a",
                            "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80", "\xf0\x90\x80", "\xff"})
        CHECK(utf8_length(bad) == 0);
    CHECK(utf8_length("") == 0);
}

TEST_CASE("the nearest word: case, one edit, two in a long word") {
    static constexpr std::array<std::string_view, 6> kWords{"NetworkPolicy", "Pod", "Service", "podIP", "podIPs", "to"};
    const auto near = [](std::string_view word) { return nearest(word, kWords); };
    CHECK(near("NetworkPolciy") == "NetworkPolicy");
    CHECK(near("networkpolicy") == "NetworkPolicy");
    CHECK(near("NetworkPolicies").empty());
    CHECK(near("Netwrokpolciy") == "NetworkPolicy");
    CHECK(near("Pods") == "Pod");
    CHECK(near("Podxx").empty());
    CHECK(near("podips") == "podIPs");
    CHECK(near("PodIp") == "podIP");
    CHECK(near("Servce") == "Service");
    CHECK(near("Deployment").empty());
    CHECK(near("").empty());
    CHECK(near(std::string(1000, 'x')).empty());
    CHECK(edit_distance("networking.k8s.oi", "networking.k8s.io") == 1);
    CHECK(edit_distance("Networking.k8s.io", "networking.k8s.io") == 0);
    CHECK(edit_distance("networking.x-k8s.io", "networking.k8s.io") == 2);
    CHECK(edit_distance(std::string(1000, 'x'), "x") == 65);
}
