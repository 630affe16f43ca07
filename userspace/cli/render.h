// SPDX-License-Identifier: Apache-2.0
// JSON items -> a table for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

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
};

// A kind of `catflap get`.
struct Kind {
    std::string_view name;
    std::string_view sentence;  // what one row is
    std::vector<Column> columns;
};
const std::vector<Kind>& kinds();
const Kind& kind_named(std::string_view name);  // one of kinds()

struct TableStyle {
    bool wide = false;
    bool colours = false;
};
// A header and a line per item. At most 110 columns wide, unless `wide`.
std::string render_table(const Kind& kind, const nlohmann::json& items, const TableStyle& style);

// "12.3M", "1.5MiB", "3m12s".
std::string human_count(double count);
std::string human_bytes(double bytes);
std::string human_seconds(double seconds);
// Without control characters: what a manifest holds does not drive a terminal.
std::string printable(std::string_view text);
enum class Colour { none, bold, red, yellow, green };
std::string paint(Colour colour, std::string_view text, bool colours);
Colour colour_of_state(std::string_view state);

}  // namespace catflap::cli
