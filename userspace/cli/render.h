// SPDX-License-Identifier: Apache-2.0
// JSON items -> a table for people.
#pragma once

#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/printable.h"
#include "report/kinds.h"

namespace catflap::cli {

// How a field's value is written.
enum class Cell {
    text,
    sentence,   // cut at its end where there is no room; text is cut in its middle
    state,      // coloured: what is well, and what is not
    exact,      // a number that is a name: a port, an ifindex
    count,      // 12.3M; wide: exact
    bytes,      // 1.5MiB; wide: exact
    seconds,    // 3m12s; wide: exact
    list,       // a,b,+3; wide: all
    isolation,  // the number of policies; wide: their names; "open" where there is none
    fill,       // entries of maxEntries, in percent
};

struct Column {
    std::string_view title;
    std::string_view field;  // "a/b": b inside a
    Cell cell = Cell::text;
    bool only_wide = false;
    std::string_view audit_title = {};  // in audit mode, which drops nothing; "": the same
};

// The columns of a kind of `catflap get`.
struct Kind {
    report::Kind kind;
    std::vector<Column> columns;
};
const std::vector<Kind>& kinds();
std::vector<Column> columns_of(report::Kind kind, bool wide, bool audit = false);

struct TableStyle {
    bool wide = false;  // every column, numbers exact, lists whole
    bool colours = false;
    size_t width = 0;    // columns of text are cut so that a line fits; 0: nothing is cut
    bool audit = false;  // nothing is dropped: the titles say so
};
// A header and a line per item.
std::string render_table(report::Kind kind, const nlohmann::json& items, const TableStyle& style);
std::string render_table(std::vector<Column> columns, const nlohmann::json& items, const TableStyle& style);

// The same in parts, for lists that do not fit into memory: the first rows tell how wide the columns are.
class TableWriter {
  public:
    static constexpr size_t kMeasured = 2000;

    TableWriter(report::Kind kind, const TableStyle& style, std::ostream& out);
    TableWriter(std::vector<Column> columns, const TableStyle& style, std::ostream& out);
    ~TableWriter();
    TableWriter(const TableWriter&) = delete;
    TableWriter& operator=(const TableWriter&) = delete;
    void add(const nlohmann::json& item);
    // Writes what waits to be measured.
    void finish();

  private:
    class Table;
    std::unique_ptr<Table> table_;
    std::ostream& out_;
};

// "1 policy", "3 policies".
std::string counted(double count, std::string_view one, std::string_view several);
// "12.3M", "1.5MiB", "3m12s".
std::string human_count(double count);
std::string human_bytes(double bytes);
std::string human_seconds(double seconds);
using catflap::printable;
enum class Colour { none, bold, red, yellow, green };
std::string paint(Colour colour, std::string_view text, bool colours);
Colour colour_of_state(std::string_view state);

}  // namespace catflap::cli
