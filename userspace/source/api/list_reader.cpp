// SPDX-License-Identifier: Apache-2.0
#include "source/api/list_reader.h"

#include <cerrno>
#include <optional>

#include "source/api/json_splitter.h"
#include "source/api/partial_list.h"

namespace catflap::source {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kObjectsOfAPage = 500;
constexpr int kNotFound = 404;
constexpr size_t kLargest = size_t{16} << 20;

// One page, as it comes.
class PageAnswer : public ResponseHandler {
  public:
    explicit PageAnswer(const ListReader::Take& take) : take_(take) {}

    Result<> head(const ResponseHead& head) override {
        heard_at_ = Clock::now();
        status_ = head.status;
        return {};
    }
    Result<> body(std::string_view bytes) override {
        heard_at_ = Clock::now();
        if (status_ == 200)
            return splitter_.feed(bytes, take_);
        if (refusal_.size() < kLargest)
            refusal_.append(bytes);
        return {};
    }
    void end(const Result<>& outcome) override { outcome_ = outcome; }

    [[nodiscard]] Clock::time_point heard_at() const { return heard_at_; }
    [[nodiscard]] bool has_ended() const { return outcome_.has_value(); }
    // The list without its objects.
    Result<std::string> rest(const std::string& what) {
        if (!*outcome_)
            return tl::unexpected(outcome_->error());
        if (status_ == 200)
            return splitter_.finish();
        const ApiStatus status = decode_api_status(refusal_);
        const std::string why = status.message.empty() ? "the server answered" : status.message;
        return tl::unexpected(
            Error{status_ == kNotFound ? ENOENT : 0,
                  fmt::format("{} ({}){}", why, status_, status_ == 403 ? "; grant list on " + what : "")});
    }

  private:
    const ListReader::Take& take_;
    JsonSplitter splitter_{JsonSplitter::Mode::items, kLargest};
    int status_ = 0;
    std::string refusal_;
    std::optional<Result<>> outcome_;
    Clock::time_point heard_at_ = Clock::now();
};

}  // namespace

Result<std::unique_ptr<ListReader>> ListReader::open(const Access& access, std::chrono::milliseconds patience) {
    std::unique_ptr<ListReader> reader(new ListReader(access, patience));
    auto transport = HttpTransport::open(access, reader->credentials_);
    if (!transport)
        return tl::unexpected(transport.error());
    reader->transport_ = std::move(*transport);
    return reader;
}

Result<std::string> ListReader::read_page(const ApiKind& kind, const std::string& target, const Take& take) {
    PageAnswer page(take);
    transport_->start({.target = target}, page);
    while (!page.has_ended()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(page.heard_at() + patience_ - Clock::now());
        if (left <= std::chrono::milliseconds(0)) {
            transport_->cancel(page);
            return fail("nothing came for {} ms; wait longer with --timeout", patience_.count());
        }
        transport_->wait(left);
        transport_->perform();
    }
    const auto rest = page.rest(kind.file);
    if (!rest)
        return tl::unexpected(rest.error());
    const auto head = decode_list_head(*rest, kind);
    return head ? Result<std::string>(head->next) : tl::unexpected(head.error());
}

Result<> ListReader::read(const ApiKind& kind, const std::string& path, const std::string& selector, const Take& take) {
    std::string next;
    do {
        std::string target = fmt::format("{}?limit={}", path, kObjectsOfAPage);
        if (!selector.empty())
            target += "&" + selector;
        if (!next.empty())
            target += "&continue=" + next;
        auto page = read_page(kind, target, take);
        if (!page)
            return fail_because(page.error(), "list {} of {}", kind.file, server_);
        next = std::move(*page);
    } while (!next.empty());
    return {};
}

Result<Decoded> ListReader::read(const Resource& resource, const Take& take) {
    const ApiKind kind{resource.kind, resource.api_version, full_name(resource)};
    PartialList list;
    const auto done = read(kind, std::string(resource.path), "", [&](std::string_view json) -> Result<> {
        auto object = decode_api_object(json, kind);
        if (!object)
            return tl::unexpected(object.error());
        list.put(std::move(*object));
        return take ? take(json) : Result<>{};
    });
    // Nobody has installed the kind: there are none.
    const bool is_absent = !done && resource.may_be_absent && done.error().code == ENOENT;
    if (!done && !is_absent)
        return tl::unexpected(done.error());
    return list.take();
}

}  // namespace catflap::source
