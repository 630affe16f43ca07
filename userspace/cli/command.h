// SPDX-License-Identifier: Apache-2.0
// What every command of the CLI shares, and the list of them.
#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/exit_code.h"

namespace CLI {
class App;
}

namespace catflap::cli {

enum class Format { table, wide, json, yaml };

struct Streams {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool colours = false;
    size_t width = 0;  // of the terminal; 0: there is none, nothing is cut
};

// One run of the program: where it reads and writes, what every command is told, how it ended.
struct Session {
    Streams streams;
    std::filesystem::path run_dir = "/run/catflap";
    std::string output = "table";
    std::string timeout = "1s";  // for an answer
    int exit_code = kDone;

    [[nodiscard]] Format format() const;
    [[nodiscard]] std::chrono::milliseconds patience() const;
    // json and yaml: true, and `value` is printed. table and wide: false.
    bool print_as_data(const nlohmann::json& value) const;
    // One line on stderr.
    void complain(std::string_view sentence) const;
};

// --run-dir and -o.
void add_common_options(CLI::App& command, Session& session);
// --timeout, of commands that the agent answers at once.
void add_timeout(CLI::App& command, Session& session);

void add_status(CLI::App& app, Session& session);
// --cluster and what belongs to it, as options of `status`; status_cluster() is what it does then.
struct ClusterOptions;
std::shared_ptr<ClusterOptions> add_cluster_options(CLI::App& status);
bool is_asked(const ClusterOptions& options);
int status_cluster(const Session& session, const ClusterOptions& options, bool only_check);
void add_settle(CLI::App& app, Session& session);
void add_get(CLI::App& app, Session& session);
void add_check(CLI::App& app, Session& session);
void add_explain(CLI::App& app, Session& session);
void add_monitor(CLI::App& app, Session& session);
void add_render(CLI::App& app, Session& session);
void add_verify(CLI::App& app, Session& session);

}  // namespace catflap::cli
