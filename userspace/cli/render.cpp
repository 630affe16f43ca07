// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>
#include <sstream>

namespace catflap::cli {
namespace {

using nlohmann::json;

constexpr size_t kMaxListWidth = 40;
constexpr size_t kMinColumnWidth = 10;
constexpr std::string_view kGap = "  ";
constexpr std::string_view kNothing = "-";
constexpr std::string_view kEllipsis = "…";

bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// In characters, not in bytes.
size_t width_of(std::string_view text) {
    return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), continues));
}

// The byte at which the character number `index` starts.
size_t offset_of(std::string_view text, size_t index) {
    size_t offset = 0;
    for (; offset < text.size(); ++offset)
        if (!continues(text[offset]) && index-- == 0)
            break;
    return offset;
}

// Names of pods differ at their ends, sentences at their starts.
std::string cut(const std::string& text, size_t width, bool keep_end) {
    const size_t length = width_of(text);
    if (length <= width)
        return text;
    const size_t tail = keep_end ? (width - 1) / 2 : 0;
    return text.substr(0, offset_of(text, width - 1 - tail)) + std::string(kEllipsis) +
           text.substr(offset_of(text, length - tail));
}

const json* find_field(const json& item, std::string_view field) {
    const json* value = &item;
    while (!field.empty()) {
        const size_t slash = field.find('/');
        const auto found = value->find(std::string(field.substr(0, slash)));
        if (found == value->end())
            return nullptr;
        value = &*found;
        field = slash == std::string_view::npos ? "" : field.substr(slash + 1);
    }
    return value->is_null() ? nullptr : value;
}

std::string plain(const json& value) {
    std::string text =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
    return text.empty() ? std::string(kNothing) : printable(text);
}

std::string list_text(const json& list, bool wide) {
    std::string text;
    for (size_t i = 0; i < list.size(); ++i) {
        const std::string next = (i == 0 ? "" : ",") + plain(list[i]);
        if (!wide && i > 0 && width_of(text + next) > kMaxListWidth)
            return text + fmt::format(",+{}", list.size() - i);
        text += next;
    }
    return text.empty() ? std::string(kNothing) : text;
}

std::string isolation_text(const json& policies, bool wide) {
    if (policies.empty())
        return "open";
    return wide ? list_text(policies, true) : fmt::format("{}", policies.size());
}

std::string fill_text(const json& item) {
    if (item.value("fixed", false))
        return std::string(kNothing);
    const double entries = item.value("entries", 0.0);
    const double limit = item.value("maxEntries", 0.0);
    return limit > 0 ? fmt::format("{}{:.1f}%", item.value("estimated", false) ? "~" : "", 100 * entries / limit)
                     : std::string(kNothing);
}

std::string number_text(Cell cell, const json& value, bool wide) {
    if (wide || cell == Cell::exact)
        return plain(value);
    const auto number = value.get<double>();
    if (cell == Cell::seconds)
        return human_seconds(number);
    return cell == Cell::bytes ? human_bytes(number) : human_count(number);
}

// Numbers are rounded unless all is wanted; lists are cut only where a line has to fit.
struct CellStyle {
    bool wide = false;
    bool whole_lists = false;
};

std::string cell_text(const Column& column, const json& item, const CellStyle& style) {
    if (column.cell == Cell::fill)
        return fill_text(item);
    const json* value = find_field(item, column.field);
    if (value == nullptr)
        return std::string(kNothing);
    if (value->is_array())
        return column.cell == Cell::isolation ? isolation_text(*value, style.wide)
                                              : list_text(*value, style.whole_lists);
    return value->is_number() ? number_text(column.cell, *value, style.wide) : plain(*value);
}

bool is_number(Cell cell, bool wide) {
    return cell == Cell::exact || cell == Cell::count || cell == Cell::bytes || cell == Cell::seconds ||
           cell == Cell::fill || (cell == Cell::isolation && !wide);
}

using Row = std::vector<std::string>;

}  // namespace

class TableWriter::Table {
  public:
    Table(std::vector<Column> columns, const TableStyle& style) : columns_(std::move(columns)), style_(style) {
        Row header;
        for (const Column& column : columns_)
            header.emplace_back(column.title);
        waiting_.push_back(std::move(header));
    }

    void add(const json& item) {
        Row row;
        for (const Column& column : columns_)
            row.push_back(cell_text(column, item, uncut()));
        waiting_.push_back(std::move(row));
    }
    [[nodiscard]] size_t waiting() const { return waiting_.size(); }
    [[nodiscard]] bool measured() const { return !widths_.empty(); }

    void write(std::ostream& out) {
        if (!measured())
            measure();
        for (const Row& row : waiting_) {
            std::string line;
            for (size_t column = 0; column < columns_.size(); ++column)
                line += (column == 0 ? "" : std::string(kGap)) + cell(row[column], column);
            out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
            is_header_ = false;
        }
        waiting_.clear();
    }

  private:
    [[nodiscard]] CellStyle uncut() const { return {style_.wide, style_.wide || style_.width == 0}; }

    void measure() {
        for (size_t column = 0; column < columns_.size(); ++column) {
            size_t& width = widths_.emplace_back(0);
            for (const Row& row : waiting_)
                width = std::max(width, width_of(row[column]));
        }
        while (is_cut() && total_width() > style_.width && narrow_widest()) {
        }
    }

    [[nodiscard]] bool is_cut() const { return !style_.wide && style_.width > 0; }

    [[nodiscard]] size_t total_width() const {
        return std::accumulate(widths_.begin(), widths_.end(), kGap.size() * (widths_.size() - 1));
    }

    // False: every column of text is as narrow as it may be.
    bool narrow_widest() {
        size_t* widest = nullptr;
        for (size_t column = 0; column < columns_.size(); ++column)
            if (!is_number(columns_[column].cell, style_.wide) && widths_[column] > kMinColumnWidth &&
                (widest == nullptr || widths_[column] > *widest))
                widest = &widths_[column];
        if (widest == nullptr)
            return false;
        --*widest;
        return true;
    }

    [[nodiscard]] std::string cell(const std::string& whole, size_t column) const {
        const Cell kind = columns_[column].cell;
        const std::string text = is_cut() ? cut(whole, widths_[column], kind != Cell::sentence) : whole;
        // A row that came after the measuring may be wider.
        const std::string padding(widths_[column] - std::min(widths_[column], width_of(text)), ' ');
        Colour colour = is_header_ ? Colour::bold : Colour::none;
        if (!is_header_ && kind == Cell::state)
            colour = colour_of_state(text);
        const std::string painted = paint(colour, text, style_.colours);
        return is_number(kind, style_.wide) ? padding + painted : painted + padding;
    }

    std::vector<Column> columns_;
    TableStyle style_;
    std::vector<Row> waiting_;
    std::vector<size_t> widths_;
    bool is_header_ = true;
};

TableWriter::TableWriter(report::Kind kind, const TableStyle& style, std::ostream& out)
    : TableWriter(columns_of(kind, style.wide, style.audit), style, out) {}

TableWriter::TableWriter(std::vector<Column> columns, const TableStyle& style, std::ostream& out)
    : table_(std::make_unique<Table>(std::move(columns), style)), out_(out) {}

TableWriter::~TableWriter() = default;

void TableWriter::add(const json& item) {
    table_->add(item);
    if (table_->measured() || table_->waiting() > kMeasured)
        table_->write(out_);
}

void TableWriter::finish() {
    table_->write(out_);
}

std::string render_table(report::Kind kind, const json& items, const TableStyle& style) {
    return render_table(columns_of(kind, style.wide, style.audit), items, style);
}

std::string render_table(std::vector<Column> columns, const json& items, const TableStyle& style) {
    std::ostringstream out;
    TableWriter table(std::move(columns), style, out);
    for (const json& item : items)
        table.add(item);
    table.finish();
    return out.str();
}

}  // namespace catflap::cli
