// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <ctime>

#include <array>
#include <csignal>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "source/api/access.h"
#include "source/api/base64.h"
#include "source/api/credentials.h"
#include "source/api/run_program.h"

using namespace catflap;
using namespace catflap::source;

namespace {

struct Files {
    Files() { std::filesystem::create_directories(dir); }
    ~Files() { std::filesystem::remove_all(dir); }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;

    std::filesystem::path put(const std::string& name, const std::string& text) const {
        std::ofstream(dir / name) << text;
        return dir / name;
    }
    std::filesystem::path program(const std::string& name, const std::string& text) const {
        const auto path = put(name, "#!/bin/sh\n" + text);
        chmod(path.c_str(), 0700);
        return path;
    }
    std::filesystem::path dir =
        std::filesystem::temp_directory_path() / ("catflap-kubeconfig-" + std::to_string(getpid()));
};

std::string config(const std::string& cluster, const std::string& user, const std::string& more = "") {
    return "apiVersion: v1\nkind: Config\ncurrent-context: one\n" + more +
           "contexts:\n- {name: one, context: {cluster: c, user: u}}\n- {name: two, context: {cluster: c}}\n"
           "clusters:\n- name: c\n  cluster: " +
           cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
}

std::string error_of(const Result<Access>& access) {
    return access ? "" : access.error().message;
}

}  // namespace

TEST_CASE("a kubeconfig: server, certificates as data or beside it, token") {
    const Files files;
    const auto path = files.put(
        "config",
        config(
            "{server: 'https://h:1/', certificate-authority-data: Q0E=, tls-server-name: n, proxy-url: 'http://p:2'}",
            "{client-certificate: crt.pem, client-key-data: S0VZ, token: t}"));
    const auto access = kubeconfig_access(path, "");
    REQUIRE_MESSAGE(access, error_of(access));
    CHECK(access->server == "https://h:1");
    CHECK(access->authority.text == "CA");
    CHECK(access->certificate.file == files.dir / "crt.pem");
    CHECK(access->key.text == "KEY");
    CHECK(access->token.text == "t");
    CHECK(access->tls_server_name == "n");
    CHECK(access->proxy == "http://p:2");
    CHECK_FALSE(access->unverified);
    // Another context: the same cluster, and nobody in particular.
    CHECK(kubeconfig_access(path, "two")->token.empty());
    CHECK(error_of(kubeconfig_access(path, "three")).find("no \"three\" among contexts (one, two)") !=
          std::string::npos);
}

TEST_CASE("a token file goes before a token, and is read each time") {
    const Files files;
    files.put("token", "first\n");
    const auto access =
        kubeconfig_access(files.put("config", config("{server: 'https://h'}", "{token: t, tokenFile: token}")), "");
    REQUIRE_MESSAGE(access, error_of(access));
    Credentials credentials(*access);
    CHECK(credentials.identity()->token == "first");
    files.put("token", "second");
    CHECK(credentials.identity()->token == "second");
    files.put("token", "");
    CHECK(credentials.identity().error().message == "read " + (files.dir / "token").string() + ": it is empty");
}

TEST_CASE("what a kubeconfig cannot mean is refused") {
    const Files files;
    const auto refused = [&](const std::string& cluster, const std::string& user) {
        return error_of(kubeconfig_access(files.put("config", config(cluster, user)), ""));
    };
    CHECK(refused("{server: h}", "{}").find("has to be a URL") != std::string::npos);
    CHECK(refused("{server: 'https://h', insecure-skip-tls-verify: true, certificate-authority: ca}", "{}")
              .find("leave one of them out") != std::string::npos);
    CHECK(refused("{server: 'https://h', certificate-authority-data: '*'}", "{}").find("not base64") !=
          std::string::npos);
    CHECK(refused("{server: 'https://h'}", "{username: a, password: b}").find("is not supported") != std::string::npos);
    CHECK(refused("{server: 'https://h'}", "{client-key: k}").find("belong together") != std::string::npos);
    CHECK(refused("{server: 'https://h'}", "{exec: {}}").find("command is missing") != std::string::npos);
    CHECK(error_of(kubeconfig_access(files.put("config", "kind: Pod"), "")).find("is no kubeconfig") !=
          std::string::npos);
    CHECK(error_of(kubeconfig_access(files.dir / "missing", "")).find("No such file") != std::string::npos);
}

TEST_CASE("a credential plug-in: what it prints, until it expires or is refused") {
    const Files files;
    files.program("plugin", "echo x >>" + (files.dir / "runs").string() +
                                "\necho '{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"'$1-$WHO'\","
                                "\"expirationTimestamp\":\"'$UNTIL'\"}}'\n");
    const auto runs = [&] { return std::filesystem::file_size(files.dir / "runs") / 2; };
    const auto with = [&](const std::string& until) {
        const auto access = kubeconfig_access(
            files.put("config",
                      config("{server: 'https://h'}",
                             "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a], env: "
                             "[{name: WHO, value: me}, {name: UNTIL, value: '" +
                                 until + "'}]}}")),
            "");
        REQUIRE_MESSAGE(access, error_of(access));
        return Credentials(*access);
    };
    Credentials lasting = with("2999-01-01T00:00:00Z");
    CHECK(lasting.identity()->token == "a-me");
    CHECK(lasting.identity()->token == "a-me");
    CHECK(runs() == 1);
    // The refusal of a request that was under way with an earlier one comes late.
    lasting.renew();
    CHECK(lasting.identity()->token == "a-me");
    CHECK(runs() == 1);
    Credentials expired = with("2001-01-01T00:00:00Z");
    CHECK(expired.identity()->token == "a-me");  // by the clock here, which may be wrong
    CHECK(expired.identity()->token == "a-me");
    CHECK(runs() == 2);
}

TEST_CASE("a credential plug-in that takes its time holds up nobody for so long") {
    using Clock = std::chrono::steady_clock;
    const Files files;
    files.program("plugin", "sleep 4\necho '{\"status\":{\"token\":\"t\"}}'\n");
    const auto access =
        kubeconfig_access(files.put("config", config("{server: 'https://h'}", "{exec: {command: ./plugin}}")), "");
    REQUIRE_MESSAGE(access, error_of(access));
    Credentials credentials(*access);
    const auto begin = Clock::now();
    for (int i = 0; i < 5; ++i) {
        const auto identity = credentials.identity();
        if (Clock::now() - begin > std::chrono::milliseconds(3900))
            break;  // the machine is busy
        REQUIRE_FALSE(identity);
        CHECK(identity.error().message.ends_with("/plugin: it has not answered yet"));
    }
    while (!credentials.identity() && Clock::now() - begin < std::chrono::seconds(30))
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(credentials.identity()->token == "t");
}

TEST_CASE("what has expired since it was printed is not sent, and its successor is asked for at once") {
    const Files files;
    const auto print = [&](const std::string& token, std::chrono::seconds lasting) {
        const auto until =
            std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()) + lasting;
        const std::time_t until_s = std::chrono::system_clock::to_time_t(until);
        std::array<char, 32> text{};
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&until_s));
        files.put("printed",
                  fmt::format(R"({{"status":{{"token":"{}","expirationTimestamp":"{}"}}}})", token, text.data()));
        return until;
    };
    files.program("plugin", fmt::format("cat {}\n", (files.dir / "printed").string()));
    const auto access =
        kubeconfig_access(files.put("config", config("{server: 'https://h'}", "{exec: {command: ./plugin}}")), "");
    REQUIRE_MESSAGE(access, error_of(access));
    const auto until = print("first", std::chrono::seconds(3));
    Credentials credentials(*access);
    CHECK(credentials.identity()->token == "first");
    print("second", std::chrono::seconds(3600));
    std::this_thread::sleep_until(until);
    const auto identity = credentials.identity();
    REQUIRE(identity);
    CHECK(identity->token == "second");
}

TEST_CASE("a credential plug-in that fails says how, and is not run for each request") {
    const Files files;
    files.program("plugin", "echo x >>" + (files.dir / "runs").string() + "\nexit 3\n");
    const auto access = kubeconfig_access(
        files.put("config", config("{server: 'https://h'}", "{exec: {command: ./plugin, installHint: install it}}")),
        "");
    REQUIRE_MESSAGE(access, error_of(access));
    Credentials credentials(*access);
    for (int i = 0; i < 3; ++i) {
        const auto identity = credentials.identity();
        REQUIRE_FALSE(identity);
        CHECK(identity.error().message.find("plugin failed, with 3; install it") != std::string::npos);
    }
    CHECK(std::filesystem::file_size(files.dir / "runs") == 2);
}

TEST_CASE("base64") {
    CHECK(decode_base64("").error().message == "not base64");
    CHECK(*decode_base64("YQ==") == "a");
    CHECK(*decode_base64("YWI=\n") == "ab");
    CHECK(*decode_base64("Y W J j") == "abc");
    CHECK_FALSE(decode_base64("YWJ"));
}

TEST_CASE("a program that prints, and does not end, is killed, with what it started") {
    const Files files;
    const auto program = files.program(
        "hangs", "echo x; exec >&-; sleep 1000 & echo $! >" + (files.dir / "pid").string() + "; sleep 1000\n");
    const auto output = run_program(program.string(), {}, {}, std::chrono::seconds(1));
    REQUIRE_FALSE(output);
    CHECK(output.error().message == program.string() + ": it takes too long");
    pid_t child = 0;
    std::ifstream(files.dir / "pid") >> child;
    REQUIRE(child > 0);
    bool gone = false;
    for (int i = 0; i < 500 && !gone; ++i) {
        usleep(10'000);
        gone = kill(child, 0) != 0 || std::ifstream("/proc/" + std::to_string(child) + "/cmdline").peek() == EOF;
    }
    CHECK(gone);
}

TEST_CASE("a server's URL") {
    CHECK(*check_server("https://h:1//") == "https://h:1");
    CHECK(*check_server("https://[fd00::1]:6443/k8s/c1") == "https://[fd00::1]:6443/k8s/c1");
    CHECK(*check_server("http://127.0.0.1:8001") == "http://127.0.0.1:8001");
    for (const char* wrong : {"", "a", "10.0.0.1:6443", "https://", "https://user:word@h", "http://10.0.0.1:8080"}) {
        CAPTURE(wrong);
        CHECK_FALSE(check_server(wrong));
    }
    CHECK(check_server("https://user:word@h").error().message.find("word") == std::string::npos);
}
