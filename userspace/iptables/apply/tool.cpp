// SPDX-License-Identifier: Apache-2.0
#include "iptables/apply/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "base/unique_fd.h"

namespace catflap::iptables {
namespace {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> open_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno(errno, "open a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A socket, not a pipe: a program that ends without reading everything is an error here, and no SIGPIPE.
Result<Pipe> open_input() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail_errno(errno, "open a socket");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

struct Child {
    pid_t pid = -1;
    UniqueFd input;
    UniqueFd output;
    UniqueFd errors;
};

// With the default signals: the agent blocks those that end it.
Result<Child> start(const std::vector<std::string>& command) {
    auto input = open_input();
    auto output = open_pipe();
    auto errors = open_pipe();
    for (const auto* pipe : {&input, &output, &errors})
        if (!*pipe)
            return tl::unexpected(pipe->error());
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, input->read.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output->write.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, errors->write.get(), STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    std::vector<char*> arguments;
    for (const std::string& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    Child child;
    const int error = posix_spawn(&child.pid, command.front().c_str(), &files, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (error != 0)
        return fail_errno(error, "run {}", command.front());
    child.input = std::move(input->write);
    child.output = std::move(output->read);
    child.errors = std::move(errors->read);
    return child;
}

// Writes as much as the socket takes; closes it at the end, and where the program does not read on.
void feed(UniqueFd& fd, std::string_view& rest) {
    const ssize_t count = rest.empty() ? 0 : send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0)
        rest.remove_prefix(static_cast<size_t>(count));
    if (rest.empty() || (count < 0 && errno != EAGAIN && errno != EINTR))
        fd.reset();
}

void drain(UniqueFd& fd, std::string& text) {
    std::array<char, 65536> buffer{};
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count > 0)
        text.append(buffer.data(), static_cast<size_t>(count));
    else if (count == 0 || errno != EINTR)
        fd.reset();
}

struct Talk {
    std::string output;
    std::string errors;
};

// Reads and writes at once: neither side waits for the other with a full pipe.
Talk talk(Child& child, std::string_view input) {
    Talk said;
    while (child.input || child.output || child.errors) {
        std::array<pollfd, 3> fds = {
            {{child.input.get(), POLLOUT, 0}, {child.output.get(), POLLIN, 0}, {child.errors.get(), POLLIN, 0}}};
        if (poll(fds.data(), fds.size(), -1) < 0)
            continue;
        if (fds[0].revents != 0)
            feed(child.input, input);
        if (fds[1].revents != 0)
            drain(child.output, said.output);
        if (fds[2].revents != 0)
            drain(child.errors, said.errors);
    }
    return said;
}

// The line of the input that "line 12 failed" or "Error in line 12" speaks of.
std::string blamed_line(std::string_view complaint, std::string_view input) {
    const size_t found = complaint.find("line");
    const size_t digits = found == std::string_view::npos ? found : complaint.find_first_of("0123456789", found);
    size_t wanted = 0;
    if (digits != std::string_view::npos)
        std::from_chars(complaint.data() + digits, complaint.data() + complaint.size(), wanted);
    for (size_t number = 1; wanted != 0 && !input.empty(); ++number) {
        const size_t end = input.find('\n');
        if (number == wanted)
            return std::string(input.substr(0, end));
        input = end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);
    }
    return {};
}

std::string one_line(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
        text.replace(at, 1, "; ");
    return text;
}

}  // namespace

Result<std::string> find_tool(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::string_view rest = path == nullptr ? "" : path;
    std::vector<std::string> directories;
    while (!rest.empty()) {
        const size_t end = rest.find(':');
        if (rest.starts_with('/'))
            directories.emplace_back(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    directories.insert(directories.end(), {"/usr/sbin", "/sbin", "/usr/local/sbin"});
    for (const std::string& directory : directories)
        if (const std::string file = directory + "/" + name; access(file.c_str(), X_OK) == 0)
            return file;
    return tl::unexpected(
        Error{ENOENT, fmt::format("find {}: it is not installed (packages iptables and ipset)", name)});
}

Result<std::string> run_tool(const std::vector<std::string>& command, std::string_view input) {
    auto child = start(command);
    if (!child)
        return tl::unexpected(child.error());
    Talk said = talk(*child, input);
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail_errno(errno, "wait for {}", command.front());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return std::move(said.output);
    const std::string line = blamed_line(said.errors, input);
    return fail("{}: {}{}", command.front(),
                said.errors.empty() ? fmt::format("ended with status {:#x}", status) : one_line(said.errors),
                line.empty() ? "" : fmt::format(" ({})", line));
}

}  // namespace catflap::iptables
