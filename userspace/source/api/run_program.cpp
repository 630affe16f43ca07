// SPDX-License-Identifier: Apache-2.0
#include "source/api/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <thread>

#include "base/unique_fd.h"

namespace catflap::source {
namespace {

constexpr size_t kMostOutput = size_t{1} << 20;

// The arrays that exec() takes.
std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
    std::vector<std::string> result;
    for (const auto& [name, value] : more)
        result.push_back(name + "=" + value);
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string text = *variable;
        if (!more.contains(text.substr(0, text.find('='))))
            result.push_back(text);
    }
    return result;
}

// Fails where it takes too long, or is too much.
Result<std::string> read_all(int fd, std::chrono::steady_clock::time_point until) {
    std::string output;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        pollfd waiting{fd, POLLIN, 0};
        const int ready = left <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return fail("it takes too long");
        const ssize_t size = read(fd, buffer.data(), buffer.size());
        if (size == 0)
            return output;
        if (size < 0)
            return fail_errno(errno, "read what it prints");
        output.append(buffer.data(), static_cast<size_t>(size));
        if (output.size() > kMostOutput)
            return fail("it prints more than {} bytes", kMostOutput);
    }
}

// How it ended; nothing: it had not by then, and was killed, with all that it started.
std::optional<int> wait_for(pid_t pid, std::chrono::steady_clock::time_point until) {
    constexpr std::chrono::milliseconds kPause{10};
    int status = 0;
    for (;;) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        if (std::chrono::steady_clock::now() >= until)
            break;
        std::this_thread::sleep_for(kPause);
    }
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return std::nullopt;
}

}  // namespace

Result<std::string> run_program(const std::string& command, const std::vector<std::string>& arguments,
                                const std::map<std::string, std::string>& environment, std::chrono::seconds limit) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno(errno, "open a pipe");
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;  // the agent blocks what ends it
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> words{command};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = environment_with(environment);
    pid_t pid = 0;
    const int error =
        posix_spawnp(&pid, command.c_str(), &actions, &attributes, pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(error, "start {}", command);
    writing.reset();
    const auto until = std::chrono::steady_clock::now() + limit;
    auto output = read_all(reading.get(), until);
    const auto status = wait_for(pid, output ? until : std::chrono::steady_clock::now());
    if (!output)
        return fail_because(output.error(), "{}", command);
    if (!status)
        return fail("{}: it takes too long", command);
    if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
        return fail("{} failed, with {}", command, WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status));
    return output;
}

}  // namespace catflap::source
