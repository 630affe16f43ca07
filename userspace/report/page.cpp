// SPDX-License-Identifier: Apache-2.0
#include "report/page.h"

#include <algorithm>

namespace catflap::report {

using nlohmann::json;

Result<Query> parse_query(const json& request) {
    Query query;
    const std::string kind = request.value("kind", "");
    const auto known = kind_named(kind);
    if (!known)
        return fail("there is no kind \"{}\"", kind);
    query.kind = *known;
    query.names = request.value("names", query.names);
    if (query.names.size() > Query::kMaxNames)
        return fail("{} names are asked for at once, {} are possible: ask for all, and choose", query.names.size(),
                    +Query::kMaxNames);
    query.endpoint = request.value("endpoint", "");
    if (!query.endpoint.empty() && !info_of(query.kind).by_endpoint)
        return fail("{} are not of an endpoint: ask without one", kind);
    const json limit = request.value("limit", json(0));
    if (!limit.is_number_unsigned() && (!limit.is_number_integer() || limit.get<int64_t>() < 0))
        return fail("limit {} is not a number of rows", limit.dump(-1, ' ', false, json::error_handler_t::replace));
    query.limit = limit.get<size_t>();
    query.members = request.value("members", true);
    query.after = request.value("after", "");
    return query;
}

size_t text_bytes(const json& value) {
    size_t bytes = 8;
    if (value.is_string())
        return bytes + value.get_ref<const std::string&>().size();
    if (value.is_object())
        for (const auto& [key, element] : value.items())
            bytes += key.size() + text_bytes(element);
    else if (value.is_array())
        for (const json& element : value)
            bytes += text_bytes(element);
    return bytes;
}

Page::Page(Query query, const PageLimits& limits, Taker taker)
    : query_(std::move(query)),
      limits_(limits),
      max_rows_(query_.limit == 0 ? limits.rows : std::min(limits.rows, query_.limit)),
      end_(std::chrono::steady_clock::now() + limits.time),
      taker_(std::move(taker)) {
    for (const std::string& name : query_.names)
        names_.emplace(name, false);
}

bool Page::wants(const std::string& ns, const std::string& name, const std::string& alias) {
    if (names_.empty())
        return true;
    bool wanted = false;
    const auto note = [&](const std::string& text) {
        const auto found = text.empty() ? names_.end() : names_.find(text);
        if (found == names_.end())
            return;
        found->second = true;
        wanted = true;
    };
    if (!ns.empty())
        note(ns + "/" + name);
    note(name);
    note(alias);
    return wanted;
}

bool Page::of_endpoint(const std::string& ns, const std::string& pod, const std::string& interface) const {
    const std::string& asked = query_.endpoint;
    return asked.empty() || asked == interface || (!pod.empty() && (asked == pod || asked == ns + "/" + pod));
}

void Page::add(const Row& row) {
    ++count_;
    if (taker_)
        return taker_(row);
    json fields = to_json(row);
    bytes_ += text_bytes(fields);
    rows_.push_back(std::move(fields));
}

void Page::continue_at(const Cursor& cursor) {
    json fields = json::array();
    for (const Cursor::Field& field : cursor.fields())
        std::visit([&](const auto& value) { fields.push_back(value); }, field);
    next_ = fields.dump();
}

Result<std::optional<Cursor>> Page::cursor(std::string_view types) const {
    if (query_.after.empty())
        return std::optional<Cursor>();
    const json given = json::parse(query_.after, nullptr, false);
    const auto is_of_type = [&](size_t i) {
        return types[i] == 'n' ? given[i].is_number_unsigned() : given[i].is_string();
    };
    bool fits = given.is_array() && given.size() == types.size();
    for (size_t i = 0; fits && i < types.size(); ++i)
        fits = is_of_type(i);
    if (!fits)
        return fail("the cursor \"{}\" is none of {}", query_.after, info_of(query_.kind).name);
    std::vector<Cursor::Field> fields;
    for (const json& field : given)
        if (field.is_string())
            fields.emplace_back(field.get<std::string>());
        else
            fields.emplace_back(field.get<uint64_t>());
    return std::optional<Cursor>(Cursor(std::move(fields)));
}

bool Page::full() const {
    return count_ >= max_rows_ || bytes_ >= limits_.bytes || std::chrono::steady_clock::now() >= end_;
}

json Page::answer() && {
    json answer = {{"ok", true}, {"items", std::move(rows_)}};
    if (!names_.empty()) {
        json found = json::array();
        for (const auto& [name, met] : names_)
            if (met)
                found.push_back(name);
        answer["found"] = std::move(found);
    }
    if (!next_.empty())
        answer["next"] = std::move(next_);
    return answer;
}

}  // namespace catflap::report
