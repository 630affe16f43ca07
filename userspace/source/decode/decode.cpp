// SPDX-License-Identifier: Apache-2.0
#include "source/decode/decode.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "source/decode/decode_as.h"
#include "base/printable.h"
#include "source/decode/document.h"
#include "source/decode/kinds.h"
#include "source/decode/names.h"
#include "source/decode/schema.h"
#include "source/decode/text.h"

namespace catflap::source {
namespace {

// What is kept of one file's diagnostics; of the others, their number.
constexpr size_t kMostDiagnostics = 200;
// From here on the memory that reading took is given back to the system at once.
constexpr size_t kLargeText = size_t{1} << 20;

// A misspelt type is told, and a policy that nobody enforces must not look enforced.
void pass_over(const Value& value, const Field& object, TypeMeta type) {
    const TypeProblem problem = find_problem(type);
    if (problem.field.empty() && !type.kind.ends_with(kPolicyKind))
        return;
    if (const Value* metadata = find(value.entries(), "metadata"))
        object.report().object = fmt::format("{} {}", type.kind, text_of(metadata->entries(), "name"));
    if (!problem.field.empty())
        return object.member(problem.field).refuse(problem.message);
    object.member("apiVersion")
        .warn(fmt::format("passed over: {} {} is not enforced; {} {} is", type.api_version, type.kind, kPolicyVersion,
                          kPolicyKind));
}

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// As many as there is room for; the others are counted.
void append(std::vector<Diagnostic>& to, size_t& dropped, std::vector<Diagnostic>& from) {
    const size_t room = kMostDiagnostics - std::min(kMostDiagnostics, to.size());
    const size_t taken = std::min(room, from.size());
    to.insert(to.end(), std::make_move_iterator(from.begin()),
              std::make_move_iterator(from.begin() + static_cast<std::ptrdiff_t>(taken)));
    dropped += from.size() - taken;
}

// An object of kMostKept mistakes and more says how many there are.
void say_how_many(const Report& report, size_t more, std::vector<Diagnostic>& diagnostics) {
    if (more > 0)
        diagnostics.push_back(
            {report.file, report.line, report.object, "", fmt::format("and {} more of this kind", more)});
}

// Decodes the documents of one text.
class Decoder {
  public:
    explicit Decoder(const std::string& file) : file_(file) {}

    bool take_item(std::span<const Entry> header, const Value& item);
    void take_document(const Value& document);
    void refuse_doubles();
    Decoded finish();

  private:
    // The objects of some documents, and how many diagnostics there was no room for.
    struct Taken : Decoded {
        size_t dropped_refusals = 0;
        size_t dropped_warnings = 0;
    };
    void take_object(const Value& value, TypeMeta type, Taken& out);
    static void merge(Taken& to, Taken from);

    const std::string& file_;
    Taken decoded_;
    Taken items_;  // of the document that is being read; void if it turns out to be no list
};

bool Decoder::take_item(std::span<const Entry> header, const Value& item) {
    const TypeMeta list = type_of(header);
    if (!list.kind.empty() && !is_list(list.kind))
        return true;  // nobody will ask for it
    TypeMeta type = type_of(item.entries());
    const bool list_tells = !list.kind.empty() && !list.api_version.empty();
    // kubectl writes `kind: List` after the items, where each has its own.
    if (!list_tells && (type.kind.empty() || type.api_version.empty()))
        return false;
    take_object(item, list_tells ? element_type(list) : TypeMeta{}, items_);
    return true;
}

void Decoder::take_document(const Value& document) {
    Taken items = std::exchange(items_, {});
    if (document.kind() == Value::Kind::null)
        return;  // an empty document, as between two ---
    decoded_.empty = false;
    const TypeMeta type = type_of(document.entries());
    if (!is_list(type.kind))
        return take_object(document, {}, decoded_);
    Report report(file_, document.line());
    const Field list(&document, report);
    const Field elements = list.member("items");
    if (!type.kind.ends_with("List"))
        list.member("kind").refuse(fmt::format("\"{}\" is not a kind; it ends in List", type.kind));
    // A field that comes twice leaves it open which "items" is meant.
    // A misspelt "items" is an empty list.
    if (list.has_only({"apiVersion", "kind", "metadata", "items"}) && (!elements.exists() || elements.is_sequence())) {
        merge(decoded_, std::move(items));
        if (const Value* rest = find(document.entries(), "items"))
            for (const Value* item : rest->items())
                take_object(*item, element_type(type), decoded_);
    }
    say_how_many(report, report.more_refusals, report.refusals);
    append(decoded_.refusals, decoded_.dropped_refusals, report.refusals);
}

void Decoder::merge(Taken& to, Taken from) {
    append(to.objects, from.objects);
    append(to.stand_ins, from.stand_ins);
    append(to.refusals, to.dropped_refusals, from.refusals);
    append(to.warnings, to.dropped_warnings, from.warnings);
    to.dropped_refusals += from.dropped_refusals;
    to.dropped_warnings += from.dropped_warnings;
}

Decoded Decoder::finish() {
    // Without the name of an object: whatever is not in the file any more may be among the refused ones.
    if (decoded_.dropped_refusals > 0)
        decoded_.refusals.push_back(
            {file_, 0, "", "", fmt::format("and {} more refusals, which are not listed", decoded_.dropped_refusals)});
    if (decoded_.dropped_warnings > 0)
        decoded_.warnings.push_back(
            {file_, 0, "", "", fmt::format("and {} more warnings, which are not listed", decoded_.dropped_warnings)});
    return std::move(decoded_);
}

void Decoder::take_object(const Value& value, TypeMeta inferred, Taken& out) {
    Report report(file_, value.line());
    const Field object(&value, report);
    TypeMeta type = type_of(value.entries());
    if (type.kind.empty())
        type.kind = inferred.kind;
    if (type.api_version.empty() && type.kind == inferred.kind)
        type.api_version = inferred.api_version;
    if (value.kind() != Value::Kind::mapping)
        object.refuse("is not a Kubernetes object (fields with names)");
    else if (type.kind.empty())
        object.member("kind").refuse("is missing; every object needs apiVersion and kind");
    else if (is_list(type.kind))
        object.member("kind").refuse("a list inside a list is not supported");
    else if (const std::string_view kind = meant_kind(type); kind.empty())
        pass_over(value, object, type);
    else if (object.is_mapping())
        place_object(decode_as(kind, type, object), object, out);
    say_how_many(report, report.more_refusals, report.refusals);
    say_how_many(report, report.more_warnings, report.warnings);
    append(out.refusals, out.dropped_refusals, report.refusals);
    append(out.warnings, out.dropped_warnings, report.warnings);
}

// The first of several objects with one name counts.
void Decoder::refuse_doubles() {
    std::unordered_map<std::string, const LocatedObject*> first;
    first.reserve(decoded_.objects.size());
    std::vector<LocatedObject> unique;
    unique.reserve(decoded_.objects.size());
    for (LocatedObject& located : decoded_.objects) {
        std::string key = object_key(located.object);
        const auto [entry, is_new] = first.try_emplace(key, nullptr);
        if (is_new) {
            unique.push_back(std::move(located));
            entry->second = &unique.back();  // reserved above: it stays where it is
        } else if (entry->second->object != located.object) {
            std::vector<Diagnostic> refusal{
                {file_, located.line, std::move(key), "",
                 fmt::format("is already defined on line {}; keep one", entry->second->line)}};
            append(decoded_.refusals, decoded_.dropped_refusals, refusal);
        }
    }
    decoded_.objects = std::move(unique);
}

// Why the text as a whole could not be read.
Diagnostic explain(std::string_view text, const std::string& file, const SyntaxError& error) {
    if (const std::optional<int> line = find_template(text))
        return {file, *line, "", "", "this is a template ({{ }} or {% %}): render it first (helm template ...)"};
    return {file, error.line, "", "", "not YAML or JSON: " + error.message};
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file;
    if (diagnostic.line > 0)
        text += fmt::format(":{}", diagnostic.line);
    for (const std::string* part : {&diagnostic.object, &diagnostic.field, &diagnostic.message})
        if (!part->empty())
            text += (text.empty() ? "" : ": ") + *part;
    return printable(text);
}

std::string object_key(const Object& object) {
    struct Key {
        std::string operator()(const Namespace& ns) const { return "Namespace " + ns.name; }
        std::string operator()(const Node& node) const { return "Node " + node.name; }
        std::string operator()(const Pod& pod) const { return "Pod " + to_string(pod.name); }
        std::string operator()(const Service& service) const { return "Service " + to_string(service.name); }
        std::string operator()(const EndpointSlice& slice) const { return "EndpointSlice " + to_string(slice.name); }
        std::string operator()(const ClusterPolicy& policy) const { return to_string(policy.name); }
        std::string operator()(const Policy& policy) const { return "NetworkPolicy " + to_string(policy.name); }
    };
    return std::visit(Key{}, object);
}

Decoded decode(std::string_view text, const std::string& file) {
    Decoder decoder(file);
    const DocumentSink sink{
        .item = [&](std::span<const Entry> header, const Value& item) { return decoder.take_item(header, item); },
        .document = [&](const Value& document) { decoder.take_document(document); }};
    if (const auto read = read_documents(text, sink); !read) {
        Decoded nothing;
        nothing.unreadable = true;
        nothing.refusals.push_back(explain(text, file, read.error()));
        return nothing;
    }
    decoder.refuse_doubles();
    Decoded decoded = decoder.finish();
    if (text.size() >= kLargeText)
        malloc_trim(0);
    return decoded;
}

}  // namespace catflap::source
