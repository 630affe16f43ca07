// SPDX-License-Identifier: Apache-2.0
// catflap check: manifests as the agent would take them, without an agent.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "cli/command.h"
#include "cli/diagnostics.h"
#include "source/catalog.h"
#include "source/manifest.h"

namespace catflap::cli {
namespace {

namespace fs = std::filesystem;
using source::Diagnostic;

// What the files of one run come to.
class Check {
  public:
    explicit Check(const Session& session) : session_(session) {}

    void take(const std::string& argument) {
        std::error_code error;
        if (argument == "-")
            take_text("stdin", session_.streams.in);
        else if (fs::is_directory(argument, error))
            take_directory(argument);
        else
            take_file(argument);
    }
    int report();

  private:
    void take_directory(const fs::path& path);
    void take_file(const std::string& path);
    void take_text(const std::string& name, std::istream& text);
    [[nodiscard]] size_t refused_objects() const;
    void could_not(const std::string& what) {
        session_.complain(what);
        unread_ = true;
    }

    const Session& session_;
    source::Catalog catalog_;
    size_t taken_ = 0;
    bool unread_ = false;
};

void Check::take_directory(const fs::path& path) {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
        if (source::is_manifest_name(entry->path().filename().string()))
            files.push_back(entry->path().string());
    if (error)
        return could_not(fmt::format("read {}: {}", path.string(), error.message()));
    if (files.empty())
        return could_not(fmt::format("read {}: it holds no manifest (*.yaml, *.yml, *.json)", path.string()));
    std::sort(files.begin(), files.end());
    for (const std::string& file : files)
        take_file(file);
}

// Not source::read_manifest(): what a shell's <(helm template ...) names is no regular file.
void Check::take_file(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file || fs::is_directory(path))
        return could_not(fmt::format("read {}: {}", path, std::strerror(file ? EISDIR : errno)));
    take_text(path, file);
}

void Check::take_text(const std::string& name, std::istream& text) {
    const std::string content{std::istreambuf_iterator<char>(text), std::istreambuf_iterator<char>()};
    if (text.bad())
        return could_not(fmt::format("read {}: {}", name, std::strerror(errno)));
    source::Decoded decoded = source::decode(content, name);
    taken_ += decoded.objects.size();
    catalog_.take(name, std::move(decoded));
}

// One object may be refused for several fields; a refusal without an object stands for its file.
size_t Check::refused_objects() const {
    std::set<std::pair<std::string, std::string>> refused;
    for (const Diagnostic& refusal : catalog_.refusals())
        refused.emplace(refusal.file, refusal.object);
    return refused.size();
}

int Check::report() {
    catalog_.publish();
    const auto& refusals = catalog_.refusals();
    const auto& warnings = catalog_.warnings();
    const size_t refused = refused_objects();
    const size_t objects = taken_ + refused;
    const nlohmann::json data = {{"objects", objects}, {"refused", to_json(refusals)}, {"warnings", to_json(warnings)}};
    if (!session_.print_as_data(data)) {
        print(session_.streams.out, refusals);
        print(session_.streams.out, warnings, "warning: ");
        session_.streams.out << fmt::format("{} object{}, {} refused", objects, objects == 1 ? "" : "s", refused);
        if (!warnings.empty())
            session_.streams.out << fmt::format(", {} warning{}", warnings.size(), warnings.size() == 1 ? "" : "s");
        session_.streams.out << '\n';
    }
    return refusals.empty() && !unread_ ? kDone : kRefused;
}

}  // namespace

void add_check(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "check",
        "Reads manifests as the agent would and shows what it would refuse, by file, line, object and field.\n"
        "Needs neither an agent nor root; --run-dir is not used.");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("FILE", *files, "Manifests, directories of them, or - for the standard input")->required();
    add_common_options(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap check policies/ pods.yaml\n"
        "  policies/web.yaml:12: NetworkPolicy shop/web: spec.ingress[0].ports[0].port: 70000 is not a port\n"
        "  3 objects, 1 refused\n"
        "Exits with 1 where anything is refused or cannot be read.");
    command->callback([files, &session] {
        Check check(session);
        for (const std::string& file : *files)
            check.take(file);
        session.exit_code = check.report();
    });
}

}  // namespace catflap::cli
