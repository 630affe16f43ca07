// SPDX-License-Identifier: Apache-2.0
#include "source/decode/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>

#include "source/decode/decode_object.h"
#include "source/decode/document.h"
#include "source/decode/names.h"

namespace catflap::source {
namespace {

constexpr std::string_view kPolicyKind = "NetworkPolicy";
constexpr std::string_view kPolicyGroup = "networking.k8s.io";
constexpr std::string_view kOldPolicyGroup = "extensions";  // until Kubernetes 1.15
constexpr std::string_view kPolicyVersion = "networking.k8s.io/v1";
constexpr std::string_view kListSuffix = "List";
constexpr std::string_view kSliceKind = "EndpointSlice";
constexpr std::string_view kSliceVersion = "discovery.k8s.io/v1";
constexpr std::array<std::string_view, 6> kKinds = {"Namespace", "Node", "Pod", "Service", kPolicyKind, kSliceKind};

// What an object is. Elements of a PodList may leave it to the list.
struct TypeMeta {
    std::string_view kind;
    std::string_view api_version;
};

std::string_view text_of(std::span<const Entry> entries, std::string_view key) {
    const Value* value = find(entries, key);
    return value != nullptr ? value->text() : std::string_view{};
}

TypeMeta type_of(std::span<const Entry> entries) {
    return {text_of(entries, "kind"), text_of(entries, "apiVersion")};
}

bool equal_but_for_case(std::string_view one, std::string_view other) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; };
    return std::ranges::equal(one, other, {}, lower, lower);
}

// The kind of ours that is meant, whatever its case: a misspelt policy would be passed over like a
// Deployment.
std::string_view known_kind(std::string_view kind) {
    const auto found =
        std::ranges::find_if(kKinds, [&](std::string_view known) { return equal_but_for_case(known, kind); });
    return found == kKinds.end() ? std::string_view{} : *found;
}

// List, and the lists of our kinds and of all network policies. Others (AllowList) are kinds like
// any other.
bool is_list(std::string_view kind) {
    if (kind.size() < kListSuffix.size())
        return false;
    const size_t split = kind.size() - kListSuffix.size();
    const std::string_view element = kind.substr(0, split);
    return equal_but_for_case(kind.substr(split), kListSuffix) &&
           (element.empty() || !known_kind(element).empty() || element.ends_with(kPolicyKind));
}

// What a list says about its elements: PodList -> Pod, List -> nothing.
TypeMeta element_type(TypeMeta list) {
    list.kind.remove_suffix(kListSuffix.size());
    return list.kind.empty() ? TypeMeta{} : list;
}

std::optional<ObjectName> decode_name(const Field& object, bool in_namespace) {
    const Field metadata = object.member("metadata");
    const Field name = metadata.member("name");
    const Field ns = metadata.member("namespace");
    if (metadata.exists() && !metadata.is_mapping())
        return {};
    if (!name.exists()) {
        name.refuse("is missing; an object needs a name");
        return {};
    }
    const std::optional<std::string> name_text = name.string();
    const std::optional<std::string> ns_text = ns.exists() ? ns.string() : "default";
    if (!name_text || !check_name(name, *name_text, check_dns_subdomain(*name_text)))
        return {};
    if (!in_namespace)
        return ObjectName{"", *name_text};
    if (!ns_text || !check_name(ns, *ns_text, check_dns_label(*ns_text)))
        return {};
    return ObjectName{*ns_text, *name_text};
}

// Kinds that policies do not speak of, and other groups' kinds of the same name.
bool is_passed_over(TypeMeta type) {
    const std::string_view kind = known_kind(type.kind);
    if (kind.empty())
        return true;
    const size_t slash = type.api_version.find('/');
    if (slash == std::string_view::npos)
        return false;
    const std::string_view group = type.api_version.substr(0, slash);
    if (kind == kSliceKind)
        return type.api_version != kSliceVersion;
    return kind != kPolicyKind || (group != kPolicyGroup && group != kOldPolicyGroup);
}

// A policy that nobody enforces must not look enforced.
void warn_of_unenforced(const Value& value, const Field& object, TypeMeta type) {
    if (!type.kind.ends_with(kPolicyKind))
        return;
    if (const Value* metadata = find(value.entries(), "metadata"))
        object.report().object = fmt::format("{} {}", type.kind, text_of(metadata->entries(), "name"));
    object.member("apiVersion")
        .warn(fmt::format("passed over: {} {} is not enforced; {} {} is", type.api_version, type.kind, kPolicyVersion,
                          kPolicyKind));
}

// `kind` is one of ours, perhaps misspelt; an object that is refused for that still has its name.
std::optional<Object> decode_as(TypeMeta type, const Field& object) {
    const std::string_view kind = known_kind(type.kind);
    const bool is_policy = kind == kPolicyKind;
    const std::optional<ObjectName> name = decode_name(object, kind != "Node" && kind != "Namespace");
    if (!name)
        return {};
    object.report().object = fmt::format("{} {}", kind, name->ns.empty() ? name->name : to_string(*name));
    if (type.kind != kind)
        object.member("kind").refuse(fmt::format("\"{}\" is not a kind; write {}", type.kind, kind));
    const std::string_view version = is_policy ? kPolicyVersion : kind == kSliceKind ? kSliceVersion : "v1";
    if (type.api_version.empty())
        object.member("apiVersion").refuse(fmt::format("is missing; write {}", version));
    else if (type.api_version != version)
        object.member("apiVersion").refuse(fmt::format("\"{}\" is not supported; write {}", type.api_version, version));
    if (is_policy)
        return decode_policy(object, *name);
    if (kind == "Service")
        return decode_service(object, *name);
    if (kind == kSliceKind)
        return decode_endpoint_slice(object, *name);
    if (kind == "Pod")
        return decode_pod(object, *name);
    if (kind == "Node")
        return decode_node(object, *name);
    return decode_namespace(object, *name);
}

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Decodes the documents of one text.
class Decoder {
  public:
    explicit Decoder(const std::string& file) : file_(file) {}

    bool take_item(std::span<const Entry> header, const Value& item);
    void take_document(const Value& document);
    Decoded finish() { return std::move(decoded_); }

  private:
    void take_object(const Value& value, TypeMeta type, Decoded& out);

    const std::string& file_;
    Decoded decoded_;
    Decoded items_;  // of the document that is being read; void if it turns out to be no list
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
    Decoded items = std::exchange(items_, {});
    if (document.kind() == Value::Kind::null)
        return;  // an empty document, as between two ---
    decoded_.empty = false;
    const TypeMeta type = type_of(document.entries());
    if (!is_list(type.kind))
        return take_object(document, {}, decoded_);
    Report report(file_, document.line());
    const Field list(&document, report);
    const Field elements = list.member("items");
    if (!type.kind.ends_with(kListSuffix))
        list.member("kind").refuse(fmt::format("\"{}\" is not a kind; it ends in List", type.kind));
    // A field that comes twice leaves it open which "items" is meant.
    if (list.is_mapping() && (!elements.exists() || elements.is_sequence())) {
        append(decoded_.objects, items.objects);
        append(decoded_.refusals, items.refusals);
        append(decoded_.warnings, items.warnings);
        if (const Value* rest = find(document.entries(), "items"))
            for (const Value* item : rest->items())
                take_object(*item, element_type(type), decoded_);
    }
    append(decoded_.refusals, report.refusals);
}

void Decoder::take_object(const Value& value, TypeMeta inferred, Decoded& out) {
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
    else if (is_passed_over(type))
        warn_of_unenforced(value, object, type);
    else if (object.is_mapping())
        if (std::optional<Object> decoded = decode_as(type, object); decoded && report.refusals.empty())
            out.objects.push_back({std::move(*decoded), value.line()});
    append(out.refusals, report.refusals);
    append(out.warnings, report.warnings);
}

// The first of several objects with one name counts.
void refuse_doubles(Decoded& decoded, const std::string& file) {
    std::unordered_map<std::string, const LocatedObject*> first;
    first.reserve(decoded.objects.size());
    std::vector<LocatedObject> unique;
    unique.reserve(decoded.objects.size());
    for (LocatedObject& located : decoded.objects) {
        std::string key = object_key(located.object);
        const auto [entry, is_new] = first.try_emplace(key, nullptr);
        if (is_new) {
            unique.push_back(std::move(located));
            entry->second = &unique.back();  // reserved above: it stays where it is
        } else if (entry->second->object != located.object) {
            decoded.refusals.push_back({file, located.line, std::move(key), "",
                                        fmt::format("is already defined on line {}; keep one", entry->second->line)});
        }
    }
    decoded.objects = std::move(unique);
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file;
    if (diagnostic.line > 0)
        text += fmt::format(":{}", diagnostic.line);
    for (const std::string* part : {&diagnostic.object, &diagnostic.field, &diagnostic.message})
        if (!part->empty())
            text += (text.empty() ? "" : ": ") + *part;
    return text;
}

std::string object_key(const Object& object) {
    struct Key {
        std::string operator()(const Namespace& ns) const { return "Namespace " + ns.name; }
        std::string operator()(const Node& node) const { return "Node " + node.name; }
        std::string operator()(const Pod& pod) const { return "Pod " + to_string(pod.name); }
        std::string operator()(const Service& service) const { return "Service " + to_string(service.name); }
        std::string operator()(const EndpointSlice& slice) const { return "EndpointSlice " + to_string(slice.name); }
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
        nothing.refusals.push_back({file, read.error().line, "", "", "not YAML or JSON: " + read.error().message});
        return nothing;
    }
    Decoded decoded = decoder.finish();
    refuse_doubles(decoded, file);
    return decoded;
}

}  // namespace catflap::source
