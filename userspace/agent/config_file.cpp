// SPDX-License-Identifier: Apache-2.0
#include "agent/config_file.h"

#include <fmt/format.h>

#include <iterator>
#include <sstream>

#include "source/decode/document.h"

namespace catflap::agent {
namespace {

using source::Value;

// A key of YAML ends with a colon, one of CLI11's with an equals sign.
bool is_yaml(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos || line[begin] == '#' || line[begin] == ';')
            continue;
        return line.starts_with("---") || line.find(':') < line.find('=');
    }
    return false;
}

[[noreturn]] void refuse(int line, const std::string& sentence) {
    throw CLI::FileError(fmt::format("the configuration file, line {}: {}", line, sentence), CLI::ExitCodes::FileError);
}

std::vector<std::string> inputs_of(const source::Entry& entry) {
    const Value& value = *entry.value;
    if (value.kind() == Value::Kind::scalar)
        return {std::string(value.text())};
    if (value.kind() != Value::Kind::sequence)
        refuse(entry.line, fmt::format("{} needs a value, or a list of values", entry.key));
    std::vector<std::string> inputs;
    for (const Value* item : value.items()) {
        if (item->kind() != Value::Kind::scalar)
            refuse(item->line(), fmt::format("{} is a list of something else than values", entry.key));
        inputs.emplace_back(item->text());
    }
    return inputs;
}

std::vector<CLI::ConfigItem> items_of(const Value& document) {
    if (document.kind() == Value::Kind::null)
        return {};
    if (document.kind() != Value::Kind::mapping)
        refuse(document.line(), "it is not a mapping of names and values");
    std::vector<CLI::ConfigItem> items;
    for (const source::Entry& entry : document.entries()) {
        CLI::ConfigItem item;
        item.name = std::string(entry.key);
        item.inputs = inputs_of(entry);
        items.push_back(std::move(item));
    }
    return items;
}

}  // namespace

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& stream) const {
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (!is_yaml(text)) {
        std::istringstream lines(text);
        return CLI::ConfigINI::from_config(lines);
    }
    std::vector<CLI::ConfigItem> read_items;
    source::DocumentSink sink;
    sink.item = [](auto, const Value&) { return false; };
    sink.document = [&](const Value& document) {
        auto more = items_of(document);
        read_items.insert(read_items.end(), more.begin(), more.end());
    };
    if (const auto read = source::read_documents(text, sink); !read)
        refuse(read.error().line, read.error().message);
    return read_items;
}

}  // namespace catflap::agent
