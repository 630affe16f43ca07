// SPDX-License-Identifier: Apache-2.0
// Policy tables and endpoint configs: what a packet reads in several loads, so that it is mended by loading it anew.
#include <algorithm>
#include <cstring>

#include "compile/verify/comparison.h"

namespace catflap::compile {
namespace {

constexpr int kConfigsInOnePiece = 16;
constexpr std::array<const char*, 3> kArrayNames = {"rows", "columns", "cells"};

std::string cell_text(uint32_t cell) {
    return fmt::format("{} by decision {}", cell & CATFLAP_CELL_ALLOW ? "allow" : "drop", cell & CATFLAP_CELL_RULE);
}

// Of a word that differs, the first value in words.
std::string value_text(size_t array, uint32_t index, uint32_t wanted, uint32_t found) {
    if (array == 2)
        return fmt::format("cell {}: {}|{}", index, cell_text(wanted), cell_text(found));
    const bool low = static_cast<uint16_t>(wanted) != static_cast<uint16_t>(found);
    const uint32_t shift = low ? 0 : 16;
    return fmt::format("{} of class {}: {}|{}", array == 0 ? "row" : "column", index * 2 + (low ? 0 : 1),
                       (wanted >> shift) & 0xffff, (found >> shift) & 0xffff);
}

// The page of an array of 16-bit values, or of words, as words; shorter where the array ends.
template <class Value>
std::span<const std::byte> page_of(const std::vector<Value>& values, uint32_t page) {
    const auto bytes = std::as_bytes(std::span(values));
    const size_t begin = std::min<size_t>(size_t{page} * CATFLAP_PAGE_SIZE, bytes.size());
    return bytes.subspan(begin, std::min<size_t>(bytes.size() - begin, CATFLAP_PAGE_SIZE));
}

const TablePointer* table_of(const LoadedEndpoint& endpoint, size_t direction) {
    return endpoint.config != 0 && !endpoint.tables[direction]->open() ? &endpoint.tables[direction] : nullptr;
}

}  // namespace

// By the endpoints, since every live table is one's: cursor_ is the ifindex, table_ and page_ where it stands there.
bool Comparison::tables() {
    const auto endpoint = loaded().endpoints.lower_bound(cursor_);
    if (endpoint == loaded().endpoints.end())
        return true;
    if (endpoint->first != cursor_) {
        cursor_ = endpoint->first;
        direction_ = 0;
        table_.reset();
    }
    const TablePointer* there = table_of(endpoint->second, direction_);
    if (there && !compared_tables_.contains(*there)) {
        if (table_ != *there) {  // the first, or a commit has exchanged it
            table_ = *there;
            page_ = 0;
            wrong_ = {};
            first_wrong_.clear();
        }
        compare_table_page(*table_);
        if (++page_ < table_->rows_pages() + table_->columns_pages() + table_->cells_pages())
            return false;
        compare_classes(*table_);
        compared_tables_.insert(table_);
    }
    table_.reset();
    if (++direction_ == endpoint->second.tables.size()) {
        direction_ = 0;
        ++cursor_;
    }
    return false;
}

void Comparison::compare_table_page(const Table& table) {
    const std::array<uint32_t, 3> first = {table.rows_page, table.columns_page, table.cells_page};
    const std::array<uint32_t, 3> pages = {table.rows_pages(), table.columns_pages(), table.cells_pages()};
    size_t array = 0;
    uint32_t page = page_;
    for (; page >= pages[array]; ++array)
        page -= pages[array];
    const auto wanted = array == 0   ? page_of(table.rows, page)
                        : array == 1 ? page_of(table.columns, page)
                                     : page_of(table.cells, page);
    const auto there = view_.page(first[array] + page);
    if (std::memcmp(wanted.data(), there.data(), wanted.size()) == 0)
        return;
    for (size_t i = 0; i < wanted.size() / sizeof(uint32_t); ++i) {
        uint32_t word = 0;
        std::memcpy(&word, wanted.data() + i * sizeof(uint32_t), sizeof(word));
        if (word == there[i])
            continue;
        ++wrong_[array];
        if (first_wrong_.empty())
            first_wrong_ = value_text(array, static_cast<uint32_t>(page * CATFLAP_PAGE_U32 + i), word, there[i]);
    }
}

void Comparison::find_highest_numbers() {
    highest_ = {0, 0};
    for (const auto& [number, key] : loaded().class_keys)
        highest_->first = std::max(highest_->first, number);
    for (const auto& [ports, number] : loaded().port_numbers)
        highest_->second = std::max<uint32_t>(highest_->second, number);
}

// At the end of a table: what was wrong in it, and whether it has a row and a column for every class.
void Comparison::compare_classes(const Table& table) {
    ++findings_.of(Part::tables).checked;
    if (!highest_)
        find_highest_numbers();
    if (highest_->first >= table.rows.size())
        note({Part::classes, fmt::format("{} in the {}", name_of_class(highest_->first), name_of(table)), "a row",
              "none, a defect of catflap, please report it"});
    if (highest_->second >= table.columns.size())
        note({Part::classes, fmt::format("port class {} in the {}", highest_->second, name_of(table)), "a column",
              "none, a defect of catflap, please report it"});
    if (first_wrong_.empty())
        return;
    std::string where;
    for (size_t array = 0; array < wrong_.size(); ++array)
        if (wrong_[array] > 0)
            where += fmt::format("{}{} words of its {}", where.empty() ? "" : ", ", wrong_[array], kArrayNames[array]);
    const size_t colon = first_wrong_.find(": ");
    const size_t bar = first_wrong_.find('|');
    damaged_tables_[table_].push_back(
        note({Part::tables, fmt::format("{} (at page {})", name_of(table), table.rows_page),
              fmt::format("{}: {}", first_wrong_.substr(0, colon), first_wrong_.substr(colon + 2, bar - colon - 2)),
              fmt::format("{} ({} differ)", first_wrong_.substr(bar + 1), where)}));
}

bool Comparison::configs() {
    auto endpoint = loaded().endpoints.lower_bound(cursor_);
    for (int i = 0; i < kConfigsInOnePiece && endpoint != loaded().endpoints.end(); ++i, ++endpoint) {
        if (endpoint->second.config != 0)
            compare_config(endpoint->second);
        cursor_ = endpoint->first + 1;
    }
    return endpoint == loaded().endpoints.end();
}

void Comparison::compare_config(const LoadedEndpoint& endpoint) {
    ++findings_.of(Part::configs).checked;
    const catflap_endpoint_config wanted = make_config(endpoint);
    const catflap_endpoint_config found = view_.config(endpoint.config);
    if (std::memcmp(&wanted, &found, sizeof(wanted)) == 0)
        return;
    std::string expected;
    std::string differing;
    const auto compare = [&](const char* field, const auto& one, const auto& other, auto text) {
        if (std::memcmp(&one, &other, sizeof(one)) == 0)
            return;
        expected += fmt::format("{}{} {}", expected.empty() ? "" : ", ", field, text(one));
        differing += fmt::format("{}{} {}", differing.empty() ? "" : ", ", field, text(other));
    };
    const auto number = [](uint32_t value) { return fmt::format("{}", value); };
    const auto address = [](const catflap_address& value) {
        Address text;
        std::memcpy(text.bytes.data(), &value, sizeof(value));
        return text.is_unset() ? "none" : to_string(text);
    };
    const auto table = [](const catflap_table& value) {
        return value.open != 0 ? "open"
                               : fmt::format("at pages {}, {}, {} of {} x {} cells", value.rows_page,
                                             value.columns_page, value.cells_page,
                                             value.cell_count / std::max(value.column_count, 1U), value.column_count);
    };
    for (size_t i = 0; i < std::size(wanted.address); ++i)
        compare("address", wanted.address[i], found.address[i], address);
    compare("slot", wanted.slot, found.slot, number);
    compare("generation", wanted.generation, found.generation, number);
    compare("first generation", wanted.first_generation, found.first_generation, number);
    compare("table from_pod", wanted.tables[CATFLAP_FROM_POD], found.tables[CATFLAP_FROM_POD], table);
    compare("table to_pod", wanted.tables[CATFLAP_TO_POD], found.tables[CATFLAP_TO_POD], table);
    if (expected.empty())
        expected = "the pod's identity", differing = "another one";
    damaged_endpoints_[endpoint.spec.ifindex].push_back(
        note({Part::configs, fmt::format("{}, config {}", name_of(endpoint), endpoint.config), expected, differing}));
}

}  // namespace catflap::compile
