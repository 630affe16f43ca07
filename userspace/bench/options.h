// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace catflap::bench {

struct Options {
    bool quick = false;
    bool smoke = false;
    bool list = false;
    std::string only;
    std::string modes;
    size_t rounds = 0;  // 0: as many as the scenario's table says
    std::filesystem::path out = "bench-results";
    std::string report_of;           // results.json to write the report of, again
    std::string plots;               // the folder of the plots, as the report names it
    std::string history;             // the CSV to which the run is added
    std::filesystem::path programs;  // where catflapd is
    std::string tree = ".";          // whose revision is noted
};

}  // namespace catflap::bench
