// SPDX-License-Identifier: Apache-2.0
#include "cli/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "source/directory/manifest.h"

namespace catflap::cli {

namespace fs = std::filesystem;

void Manifests::take(const std::string& argument) {
    std::error_code error;
    if (argument == "-")
        take_stream();
    else if (fs::is_directory(argument, error))
        take_directory(argument);
    else
        take_text(argument, source::read_manifest_or_pipe(argument));
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

// As the agent does.
void Manifests::take_file(const std::string& path) {
    Result<source::ManifestText> manifest = source::read_manifest(path);
    if (!manifest)
        return could_not(fmt::format("{} {}", path, manifest.error().message));
    take_text(path, std::move(manifest->text));
}

// The standard input, which a test may have replaced.
void Manifests::take_stream() {
    std::string text;
    std::array<char, 65536> buffer{};
    while (session_.streams.in.read(buffer.data(), buffer.size()) || session_.streams.in.gcount() > 0) {
        text.append(buffer.data(), static_cast<size_t>(session_.streams.in.gcount()));
        if (text.size() > source::kMaxManifest)
            return could_not("stdin is larger than 512 MiB; split it into several files");
    }
    if (session_.streams.in.bad())
        return could_not(fmt::format("read stdin: {}", std::strerror(errno)));
    take_text("stdin", std::move(text));
}

void Manifests::take_text(const std::string& name, Result<std::string> text) {
    if (!text)
        return could_not(fmt::format("{} {}", name, text.error().message));
    source::Decoded decoded = source::decode(*text, name);
    taken_ += decoded.objects.size();
    catalog_.take(name, std::move(decoded));
}

}  // namespace catflap::cli
