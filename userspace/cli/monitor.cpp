// SPDX-License-Identifier: Apache-2.0
// catflap monitor: drops as they happen, of the agent's stream.
#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/event_text.h"
#include "cli/pcapng.h"

namespace catflap::cli {
namespace {

using nlohmann::json;

constexpr uint32_t kMostHeadBytes = 128;

volatile std::sig_atomic_t stopped = 0;

void stop(int /*signal*/) {
    stopped = 1;
}

// While it lives, SIGINT and SIGTERM end the stream, and nothing else.
class Signals {
  public:
    Signals() {
        stopped = 0;
        struct sigaction action {};
        action.sa_handler = stop;
        sigaction(SIGINT, &action, &interrupt_);
        sigaction(SIGTERM, &action, &terminate_);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals() {
        sigaction(SIGINT, &interrupt_, nullptr);
        sigaction(SIGTERM, &terminate_, nullptr);
    }

  private:
    struct sigaction interrupt_ {};
    struct sigaction terminate_ {};
};

struct Wish {
    json request = {{"command", "monitor"}};
    bool flows = false;
    std::string pcap;  // a file, or "-"
    size_t count = 0;  // events; 0: until a signal
    bool as_json = false;
};

std::vector<uint8_t> bytes_of(std::string_view hex) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        uint8_t byte = 0;
        std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
        bytes.push_back(byte);
    }
    return bytes;
}

// "2026-11-29T16:02:11.123456Z"; 0: it is no such time.
uint64_t unix_us(const std::string& time) {
    tm utc{};
    const char* rest = strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
    if (rest == nullptr || *rest != '.')
        return 0;
    uint64_t fraction_us = 0;
    std::from_chars(rest + 1, time.data() + time.size(), fraction_us);
    return static_cast<uint64_t>(timegm(&utc)) * 1'000'000 + fraction_us;
}

CapturedFrame frame_of(const json& event) {
    CapturedFrame frame;
    frame.interface = event.at("interface");
    frame.outbound = event.at("hook") == "veth" && event.at("direction") == "Ingress";
    frame.unix_us = unix_us(event.at("time"));
    frame.head = bytes_of(event.at("head").get<std::string>());
    frame.frame_bytes = event.at("frameBytes");
    frame.comment = event_comment(event);
    return frame;
}

// Where the lines go.
class Sink {
  public:
    Sink(const Session& session, const Wish& wish) : session_(session), wish_(wish) {}

    // False: the file cannot be written, which is told.
    bool open() {
        if (wish_.pcap.empty())
            return true;
        if (wish_.pcap != "-") {
            errno = 0;
            const mode_t before = umask(0077);  // it holds what pods say to each other
            file_.open(wish_.pcap, std::ios::binary | std::ios::trunc);
            umask(before);
            if (!file_) {
                session_.complain(fmt::format("write {}: {}", wish_.pcap, std::strerror(errno)));
                return false;
            }
        }
        pcap_.emplace(wish_.pcap == "-" ? session_.streams.out : file_, kMostHeadBytes);
        return true;
    }
    void take(json& line) {
        if (line.contains("lost"))
            return take_losses(line);
        ++events_;
        if (pcap_)
            pcap_->write(frame_of(line));
        if (wish_.pcap == "-")
            return;
        line.erase("head");
        line.erase("frameBytes");
        print(wish_.as_json ? dump(line) : event_line(line, session_.streams.colours));
    }
    [[nodiscard]] size_t events() const { return events_; }
    [[nodiscard]] bool failed() const { return !session_.streams.out || (file_.is_open() && !file_); }
    void tell_sum() const {
        if (!wish_.as_json)
            session_.streams.err << fmt::format("{}, {} lost\n",
                                                counted(static_cast<double>(events_), "event", "events"), lost_);
    }

  private:
    static std::string dump(const json& line) { return line.dump(-1, ' ', false, json::error_handler_t::replace); }
    void print(const std::string& line) { session_.streams.out << line << '\n' << std::flush; }
    void take_losses(const json& line) {
        lost_ = line.at("lost");
        if (wish_.as_json && wish_.pcap != "-")
            print(dump(line));
        else
            session_.complain(losses_line(line));
    }

    const Session& session_;
    const Wish& wish_;
    std::ofstream file_;
    std::optional<PcapngWriter> pcap_;
    size_t events_ = 0;
    uint64_t lost_ = 0;
};

int refuse(const Session& session, const Refusal& refusal) {
    session.complain(refusal.message);
    return refusal.exit_code;
}

int monitor(const Session& session, Wish& wish) {
    if (wish.pcap == "-" && session.streams.width != 0) {
        session.complain("--pcap -: this is a terminal; pipe it into tshark -r -, or give a file");
        return kUsage;
    }
    wish.as_json = session.format() == Format::json;
    wish.request["flows"] = wish.flows;
    wish.request["heads"] = !wish.pcap.empty();
    Sink sink(session, wish);
    auto client = Client::connect(session.run_dir, session.patience());
    if (!client)
        return refuse(session, client.error());
    if (const auto answer = client->ask(wish.request); !answer)
        return refuse(session, answer.error());
    if (!sink.open())
        return kRefused;
    const Signals signals;
    while (stopped == 0 && !sink.failed() && (wish.count == 0 || sink.events() < wish.count)) {
        const auto line = client->next_line(std::chrono::milliseconds(100));
        if (!line) {
            sink.tell_sum();
            return refuse(session, line.error());
        }
        if (line->empty())
            continue;
        json event = json::parse(*line, nullptr, false);
        if (!event.is_object())
            return refuse(session, {kNoAccess, "the agent sent a line that is no JSON object", false});
        sink.take(event);
    }
    sink.tell_sum();
    if (!sink.failed())
        return kDone;
    session.complain("write the events: they were not taken");
    return kRefused;
}

void add_filters(CLI::App& command, Wish& wish) {
    const auto add = [&](const char* names, const char* field, const char* description, const char* type) {
        command
            .add_option_function<std::string>(
                names, [&wish, field](const std::string& value) { wish.request[field] = value; }, description)
            ->type_name(type);
    };
    add("--pod", "pod", "Only what a pod sends or receives: NAMESPACE/NAME, or a name", "POD");
    add("-n,--namespace", "namespace", "Only what pods of a namespace send or receive", "NAMESPACE");
    add("--policy", "policy", "Only what this policy isolates from, or admits: NAMESPACE/NAME, or a name", "POLICY");
    add("--reason", "reason", "Only drops for this reason: see catflap get drops", "REASON");
    add("--from", "from", "Only from a pod, node/NAME, an address or a prefix", "PEER");
    add("--to", "to", "Only to one", "PEER");
    add("--port", "port", "Only with this port, at either end", "PORT");
    add("--protocol", "protocol", "tcp, udp, sctp, icmp, icmpv6, or a number", "PROTOCOL");
}

}  // namespace

void add_monitor(CLI::App& app, Session& session) {
    auto* command = app.add_subcommand(
        "monitor", "Shows dropped packets as they happen, with the policies that isolate the pod, until it is ended.");
    auto wish = std::make_shared<Wish>();
    command->add_flag("--all", wish->flows,
                      "Also the first packets of flows that pass, with the rule that admits them");
    add_filters(*command, *wish);
    command
        ->add_option("--pcap", wish->pcap,
                     "Writes the first 128 bytes of each frame as pcapng, with the reason as a comment; -: to the "
                     "standard output, and nothing else")
        ->type_name("FILE");
    command->add_option("--count", wish->count, "Ends after so many events; 0: never")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N");
    command->add_option("--run-dir", session.run_dir, "The agent's run directory")
        ->capture_default_str()
        ->type_name("DIR");
    command->add_option("-o,--output", session.output, "table, or json: an object in each line")
        ->capture_default_str()
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"table", "json"}));
    add_timeout(*command, session);
    command->footer(
        "Example:\n"
        "  $ catflap monitor --pod shop/web\n"
        "  16:02:11.123Z dropped Ingress of shop/web: shop/client 10.8.1.2:40000 -> shop/web 10.8.1.1:9090 TCP SYN, "
        "policy: isolated by shop/web\n"
        "  $ catflap monitor --pcap - | tshark -r - -T fields -e ip.src -e frame.comment\n"
        "An endpoint's share is 100 events a second. What is lost is counted, before any filter. Fields: docs/cli.md.");
    command->callback([wish, &session] { session.exit_code = monitor(session, *wish); });
}

}  // namespace catflap::cli
