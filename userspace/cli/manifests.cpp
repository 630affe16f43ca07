// SPDX-License-Identifier: Apache-2.0
#include "cli/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "source/directory/manifest.h"

namespace catflap::cli {

namespace fs = std::filesystem;

void Manifests::take(const std::string& argument) {
    std::error_code error;
    if (argument == "-")
        take_text("stdin", session_.streams.in);
    else if (fs::is_directory(argument, error))
        take_directory(argument);
    else
        take_file(argument);
}

void Manifests::take_directory(const fs::path& path) {
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
void Manifests::take_file(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file || fs::is_directory(path))
        return could_not(fmt::format("read {}: {}", path, std::strerror(file ? EISDIR : errno)));
    take_text(path, file);
}

void Manifests::take_text(const std::string& name, std::istream& text) {
    const std::string content{std::istreambuf_iterator<char>(text), std::istreambuf_iterator<char>()};
    if (text.bad())
        return could_not(fmt::format("read {}: {}", name, std::strerror(errno)));
    source::Decoded decoded = source::decode(content, name);
    taken_ += decoded.objects.size();
    catalog_.take(name, std::move(decoded));
}

}  // namespace catflap::cli
