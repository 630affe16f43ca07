// SPDX-License-Identifier: Apache-2.0
#include "source/api/http_transport.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "source/api/server_url.h"

namespace catflap::source {
namespace {

using std::chrono::seconds;

constexpr long kConnectSeconds = 10;
// A peer that has gone without a word is noticed after half a minute.
constexpr long kKeepIdleSeconds = 15;
constexpr long kKeepIntervalSeconds = 5;
constexpr int kKeepCount = 3;
constexpr unsigned kUnacknowledgedMs = 30000;

int set_up_socket(void*, curl_socket_t fd, curlsocktype) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepCount, sizeof(kKeepCount));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs, sizeof(kUnacknowledgedMs));
    return CURL_SOCKOPT_OK;
}

// libcurl copies it.
curl_blob blob_of(const std::string& text) {
    return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
}

}  // namespace

struct HttpTransport::Transfer {
    struct Slist {
        curl_slist* list = nullptr;
        Slist() = default;
        Slist(const Slist&) = delete;
        Slist& operator=(const Slist&) = delete;
        ~Slist() { curl_slist_free_all(list); }
        void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
    };

    ResponseHandler& handler;
    CURL* easy = curl_easy_init();
    Slist headers{};
    Slist connect_to{};
    std::string method{};
    std::array<char, CURL_ERROR_SIZE> error{};
    Result<> failure{};  // of the handler
    bool has_head = false;
    bool is_leaving = false;  // its connection may be a dead one
    Connections& connections;

    Transfer(ResponseHandler& to, Connections& all) : handler(to), connections(all) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() { curl_easy_cleanup(easy); }

    template <class Value>
    void set(CURLoption option, Value value) const {
        curl_easy_setopt(easy, option, value);
    }
    void carry(const Request& request);
    void give_head();
    static size_t on_header(const char* bytes, size_t size, size_t count, void* self);
    static size_t on_body(const char* bytes, size_t size, size_t count, void* self);
};

void HttpTransport::Transfer::give_head() {
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (status < 200 || std::exchange(has_head, true))
        return;
    if (!is_leaving)
        connections.are_fresh = false;
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    if (version < CURL_HTTP_VERSION_2_0)
        connections.have_http2 = false;
    ResponseHead head;
    head.status = static_cast<int>(status);
    if (retry_after > 0)
        head.retry_after = seconds(retry_after);
    failure = handler.head(head);
}

size_t HttpTransport::Transfer::on_header(const char* bytes, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(bytes, size * count);
    if (line == "\r\n" || line == "\n")
        transfer.give_head();
    return transfer.failure ? size * count : 0;
}

size_t HttpTransport::Transfer::on_body(const char* bytes, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.give_head();
    if (transfer.failure)
        transfer.failure = transfer.handler.body({bytes, size * count});
    return transfer.failure ? size * count : 0;
}

struct HttpTransport::Curl {
    CURLM* multi = curl_multi_init();
    Curl() = default;
    Curl(const Curl&) = delete;
    Curl& operator=(const Curl&) = delete;
    ~Curl() { curl_multi_cleanup(multi); }
};

HttpTransport::HttpTransport(Access access, Credentials& credentials, std::unique_ptr<Curl> curl)
    : access_(std::move(access)), credentials_(credentials), curl_(std::move(curl)) {}

HttpTransport::~HttpTransport() {
    for (auto& [handler, transfer] : transfers_)
        curl_multi_remove_handle(curl_->multi, transfer->easy);
}

Result<std::unique_ptr<HttpTransport>> HttpTransport::open(Access access, Credentials& credentials) {
    static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
    auto curl = std::make_unique<Curl>();
    if (kReady != CURLE_OK || curl->multi == nullptr)
        return fail("set up libcurl: {}", curl_easy_strerror(kReady));
    return std::unique_ptr<HttpTransport>(new HttpTransport(std::move(access), credentials, std::move(curl)));
}

// libcurl copies the body, and would ask for a leave to send it first.
void HttpTransport::Transfer::carry(const Request& request) {
    method = request.method;
    if (request.method == "GET")
        return;
    headers.add("Content-Type: " + request.content_type);
    headers.add("Expect:");
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    set(CURLOPT_COPYPOSTFIELDS, request.body.c_str());
}

void HttpTransport::reach(Transfer& transfer, const std::string& target) const {
    const ServerUrl server = ServerUrl::parse(access_.server);
    // A certificate's name that is not the address: the URL has the name, and the connection goes to the address.
    const std::string& host = access_.tls_server_name.empty() ? server.host : access_.tls_server_name;
    const std::string url = fmt::format("{}://{}:{}{}{}", server.scheme, host, server.port, server.prefix, target);
    if (host != server.host) {
        transfer.connect_to.add(fmt::format("{}:{}:{}:{}", host, server.port, server.host, server.port));
        transfer.set(CURLOPT_CONNECT_TO, transfer.connect_to.list);
    }
    transfer.set(CURLOPT_URL, url.c_str());
}

Result<> HttpTransport::configure(Transfer& transfer, const Request& request) {
    const auto identity = credentials_.identity();
    if (!identity)
        return tl::unexpected(identity.error());
    const auto authority = access_.authority.read();
    if (!authority)
        return tl::unexpected(authority.error());
    reach(transfer, request.target);
    transfer.carry(request);
    transfer.headers.add("Accept: application/json");
    if (!identity->token.empty())
        transfer.headers.add("Authorization: Bearer " + identity->token);
    transfer.set(CURLOPT_HTTPHEADER, transfer.headers.list);
    transfer.set(CURLOPT_USERAGENT, "catflapd/" CATFLAP_VERSION);
    transfer.set(CURLOPT_ACCEPT_ENCODING, "gzip");
    transfer.set(CURLOPT_PROTOCOLS_STR, "http,https");
    // And neither one of the environment, nor its exceptions.
    transfer.set(CURLOPT_PROXY, access_.proxy.c_str());
    transfer.set(CURLOPT_NOPROXY, "");
    transfer.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    transfer.set(CURLOPT_HTTP_VERSION,
                 static_cast<long>(connections_.have_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    const bool fresh = makes_connection();
    transfer.set(CURLOPT_PIPEWAIT, fresh ? 0L : 1L);
    transfer.set(CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    transfer.set(CURLOPT_NOSIGNAL, 1L);
    transfer.set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    transfer.set(CURLOPT_TCP_KEEPALIVE, 1L);
    transfer.set(CURLOPT_TCP_KEEPIDLE, kKeepIdleSeconds);
    transfer.set(CURLOPT_TCP_KEEPINTVL, kKeepIntervalSeconds);
    transfer.set(CURLOPT_SOCKOPTFUNCTION, &set_up_socket);
    transfer.set(CURLOPT_SSL_VERIFYPEER, access_.unverified ? 0L : 1L);
    transfer.set(CURLOPT_SSL_VERIFYHOST, access_.unverified ? 0L : 2L);
    // The cluster's authority, and not those of the machine beside it, which libcurl looks for in a directory.
    if (!authority->empty()) {
        transfer.set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
        transfer.set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    }
    const std::array<std::pair<CURLoption, const std::string*>, 3> materials = {
        {{CURLOPT_CAINFO_BLOB, &*authority},
         {CURLOPT_SSLCERT_BLOB, &identity->certificate},
         {CURLOPT_SSLKEY_BLOB, &identity->key}}};
    for (const auto& [option, text] : materials) {
        const curl_blob blob = blob_of(*text);
        if (!text->empty())
            transfer.set(option, &blob);
    }
    transfer.set(CURLOPT_ERRORBUFFER, transfer.error.data());
    transfer.set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    transfer.set(CURLOPT_HEADERDATA, &transfer);
    transfer.set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    transfer.set(CURLOPT_WRITEDATA, &transfer);
    transfer.set(CURLOPT_PRIVATE, &transfer);
    return {};
}

void HttpTransport::start(const Request& request, ResponseHandler& handler) {
    auto transfer = std::make_unique<Transfer>(handler, connections_);
    if (auto done = configure(*transfer, request); !done) {
        refused_.emplace(&handler, done.error());
        return;
    }
    curl_multi_add_handle(curl_->multi, transfer->easy);
    transfers_[&handler] = std::move(transfer);
}

void HttpTransport::cancel(ResponseHandler& handler) {
    refused_.erase(&handler);
    const auto transfer = transfers_.find(&handler);
    if (transfer == transfers_.end())
        return;
    curl_multi_remove_handle(curl_->multi, transfer->second->easy);
    transfers_.erase(transfer);
}

// libcurl cannot be told to close a connection, but not to keep it after the last request that it has. Until that has
// gone, it would take a later one for it, though another connection has answered meanwhile.
void HttpTransport::leave_connection() {
    connections_.are_fresh = true;
    for (const auto& [handler, transfer] : transfers_) {
        transfer->is_leaving = true;
        transfer->set(CURLOPT_FORBID_REUSE, 1L);
    }
}

bool HttpTransport::makes_connection() const {
    return connections_.are_fresh ||
           std::ranges::any_of(transfers_, [](const auto& entry) { return entry.second->is_leaving; });
}

void HttpTransport::renew_credentials() {
    credentials_.renew();
}

void HttpTransport::wait(std::chrono::milliseconds limit) {
    if (refused_.empty())
        curl_multi_poll(curl_->multi, nullptr, 0, static_cast<int>(limit.count()), nullptr);
}

void HttpTransport::wake() {
    curl_multi_wakeup(curl_->multi);
}

void HttpTransport::finish(Transfer& transfer, const Result<>& outcome) {
    ResponseHandler& handler = transfer.handler;
    const Result<> told = outcome;
    cancel(handler);
    handler.end(told);
}

void HttpTransport::perform() {
    for (const auto& [handler, error] : std::exchange(refused_, {}))
        handler->end(tl::unexpected(error));
    int running = 0;
    curl_multi_perform(curl_->multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(curl_->multi, &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        void* self = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
        auto& transfer = *static_cast<Transfer*>(self);
        if (!transfer.failure)
            finish(transfer, transfer.failure);
        else if (message->data.result == CURLE_OK)
            finish(transfer, {});
        else
            finish(transfer,
                   fail("{} {} {}: {}", transfer.method, transfer.method == "GET" ? "from" : "to", access_.server,
                        transfer.error[0] != '\0' ? transfer.error.data() : curl_easy_strerror(message->data.result)));
    }
}

}  // namespace catflap::source
