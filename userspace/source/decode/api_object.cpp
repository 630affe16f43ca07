// SPDX-License-Identifier: Apache-2.0
#include "source/decode/api_object.h"

#include <charconv>
#include <functional>

#include "source/decode/decode_as.h"
#include "source/decode/document.h"

namespace catflap::source {
namespace {

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

// Calls use() with the one document of the text.
Result<> with_document(std::string_view json, const ApiKind& kind, const std::function<Result<>(const Value&)>& use) {
    size_t documents = 0;
    Result<> outcome;
    const DocumentSink sink{.item = [](std::span<const Entry>, const Value&) { return false; },
                            .document =
                                [&](const Value& document) {
                                    if (++documents == 1)
                                        outcome = use(document);
                                }};
    if (const auto read = read_json_document(json, sink); !read)
        return fail("read what the API server sent of {}: not JSON: {}", kind.file, read.error().message);
    if (documents != 1)
        return fail("read what the API server sent of {}: {} JSON documents where one is due", kind.file, documents);
    return outcome;
}

const Value* member(const Value* value, std::string_view key) {
    return value == nullptr ? nullptr : find(value->entries(), key);
}

std::string text(const Value* value) {
    return value == nullptr ? std::string() : std::string(value->text());
}

int integer(const Value* value) {
    const std::string_view digits = value == nullptr ? std::string_view() : value->text();
    int number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

// Lines of what came over a wire help nobody.
void forget_lines(Decoded& decoded) {
    for (LocatedObject& object : decoded.objects)
        object.line = 0;
    for (LocatedObject& object : decoded.stand_ins)
        object.line = 0;
    for (std::vector<Diagnostic>* diagnostics : {&decoded.refusals, &decoded.warnings})
        for (Diagnostic& diagnostic : *diagnostics)
            diagnostic.line = 0;
}

Result<std::string> key_of(const Value& object, const ApiKind& kind) {
    const Value* metadata = member(&object, "metadata");
    const std::string name = text(member(metadata, "name"));
    const std::string ns = text(member(metadata, "namespace"));
    if (name.empty())
        return fail("read what the API server sent of {}: an object without a name", kind.file);
    return ns.empty() ? fmt::format("{} {}", kind.kind, name) : fmt::format("{} {}/{}", kind.kind, ns, name);
}

Result<ApiObject> decode_value(const Value& value, const ApiKind& kind) {
    ApiObject out;
    // Elements of a list do not say what they are. Another kind's object could have the name of one that is enforced.
    if (const std::string said = text(member(&value, "kind")); !said.empty() && said != kind.kind)
        return fail("read what the API server sent of {}: an object of kind {}", kind.file, said);
    auto key = key_of(value, kind);
    if (!key)
        return tl::unexpected(key.error());
    out.key = std::move(*key);
    out.resource_version = text(member(member(&value, "metadata"), "resourceVersion"));
    Report report(kind.file, 0);
    const Field object(&value, report);
    place_object(decode_as(kind.kind, {kind.kind, kind.api_version}, object, Origin::api), object, out.decoded);
    out.decoded.empty = false;
    out.decoded.refusals = std::move(report.refusals);
    out.decoded.warnings = std::move(report.warnings);
    for (std::vector<Diagnostic>* diagnostics : {&out.decoded.refusals, &out.decoded.warnings})
        for (Diagnostic& diagnostic : *diagnostics)
            diagnostic.object = out.key;
    forget_lines(out.decoded);
    return out;
}

ApiStatus status_of(const Value& value) {
    ApiStatus status;
    status.code = integer(member(&value, "code"));
    status.reason = text(member(&value, "reason"));
    status.message = text(member(&value, "message"));
    if (const int seconds = integer(member(member(&value, "details"), "retryAfterSeconds")); seconds > 0)
        status.retry_after = std::chrono::seconds(seconds);
    return status;
}

Result<> fill_event(const Value& document, const ApiKind& kind, WatchEvent& event) {
    const std::string type = text(member(&document, "type"));
    const Value* object = member(&document, "object");
    if (object == nullptr || object->kind() != Value::Kind::mapping)
        return fail("read what the API server sent of {}: an event \"{}\" without an object", kind.file, type);
    if (type == "BOOKMARK") {
        const Value* metadata = member(object, "metadata");
        event.object.resource_version = text(member(metadata, "resourceVersion"));
        event.ends_initial_events = text(member(member(metadata, "annotations"), kInitialEventsEnd)) == "true";
        return {};
    }
    if (type == "ERROR") {
        event.type = WatchEvent::Type::error;
        event.status = status_of(*object);
        return {};
    }
    if (type != "ADDED" && type != "MODIFIED" && type != "DELETED")
        return fail("read what the API server sent of {}: an event of the unknown type \"{}\"", kind.file, type);
    event.type = type == "DELETED" ? WatchEvent::Type::removed : WatchEvent::Type::put;
    auto decoded = decode_value(*object, kind);
    if (!decoded)
        return tl::unexpected(decoded.error());
    event.object = std::move(*decoded);
    return {};
}

}  // namespace

Result<ApiObject> decode_api_object(std::string_view json, const ApiKind& kind) {
    Result<ApiObject> object = fail("read what the API server sent of {}: nothing", kind.file);
    const auto read = with_document(json, kind, [&](const Value& document) -> Result<> {
        object = decode_value(document, kind);
        return {};
    });
    if (!read)
        return tl::unexpected(read.error());
    return object;
}

Result<ListHead> decode_list_head(std::string_view json, const ApiKind& kind) {
    ListHead head;
    const auto read = with_document(json, kind, [&](const Value& document) -> Result<> {
        const Value* metadata = member(&document, "metadata");
        head.resource_version = text(member(metadata, "resourceVersion"));
        head.next = text(member(metadata, "continue"));
        // An empty list opens pods: it has to be a list of just this.
        const Value* items = member(&document, "items");
        const bool has_items =
            items != nullptr && (items->kind() == Value::Kind::sequence || items->kind() == Value::Kind::null);
        if (text(member(&document, "kind")) != fmt::format("{}List", kind.kind) || !has_items ||
            head.resource_version.empty())
            return fail("read what the API server sent of {}: not a {}List", kind.file, kind.kind);
        return {};
    });
    if (!read)
        return tl::unexpected(read.error());
    return head;
}

Result<WatchEvent> decode_watch_event(std::string_view json, const ApiKind& kind) {
    WatchEvent event;
    const auto read =
        with_document(json, kind, [&](const Value& document) { return fill_event(document, kind, event); });
    if (!read)
        return tl::unexpected(read.error());
    return event;
}

ApiStatus decode_api_status(std::string_view json) {
    ApiStatus status;
    (void)with_document(json, {}, [&](const Value& document) -> Result<> {
        status = status_of(document);
        return {};
    });
    return status;
}

}  // namespace catflap::source
