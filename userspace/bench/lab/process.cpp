// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>

#include "base/unique_fd.h"
#include "bench/measure/clock.h"

namespace catflap::bench {
namespace {

struct Streams {
    int input = -1;
    int output = -1;
};

// In the child: never returns.
[[noreturn]] void become(const Words& command, const Place& place, const Streams& streams) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 0);  // only who sends and counts goes before everybody else
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (!place.netns.empty()) {
        const int netns = open(("/run/netns/" + place.netns).c_str(), O_RDONLY | O_CLOEXEC);
        if (netns < 0 || setns(netns, CLONE_NEWNET) != 0)
            _exit(126);
    }
    if (place.cpu >= 0)
        (void)pin_to_cpu(place.cpu);
    else if (const int cpus = cpu_count(); cpus > 0) {
        cpu_set_t all;
        CPU_ZERO(&all);
        for (int cpu = 0; cpu < cpus; ++cpu)
            CPU_SET(static_cast<size_t>(cpu), &all);
        sched_setaffinity(0, sizeof(all), &all);
    }
    dup2(streams.input, STDIN_FILENO);
    dup2(streams.output, STDOUT_FILENO);
    dup2(streams.output, STDERR_FILENO);
    std::vector<char*> words;
    for (const std::string& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execvp(words[0], words.data());
    _exit(127);
}

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno(errno, "make a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Feeds the input and collects the output at once: either pipe may be full.
std::string converse(UniqueFd input, const UniqueFd& output, const std::string& text) {
    std::string printed;
    size_t written = 0;
    fcntl(input.get(), F_SETFL, O_NONBLOCK);
    while (true) {
        if (written == text.size())
            input.reset();
        std::array<pollfd, 2> waiting = {pollfd{output.get(), POLLIN, 0}, pollfd{input.get(), POLLOUT, 0}};
        if (poll(waiting.data(), input ? 2 : 1, -1) < 0 && errno != EINTR)
            return printed;
        if (input && waiting[1].revents != 0) {
            const ssize_t count = ::write(input.get(), text.data() + written, text.size() - written);
            if (count > 0)
                written += static_cast<size_t>(count);
            else if (errno != EAGAIN)
                written = text.size();
        }
        if (waiting[0].revents != 0) {
            std::array<char, 65536> buffer{};
            const ssize_t count = ::read(output.get(), buffer.data(), buffer.size());
            if (count <= 0)
                return printed;
            printed.append(buffer.data(), static_cast<size_t>(count));
        }
    }
}

}  // namespace

Result<std::string> run(const Words& command, const std::string& input, const Place& place) {
    auto to = make_pipe();
    auto from = make_pipe();
    if (!to || !from)
        return tl::unexpected(!to ? to.error() : from.error());
    const pid_t pid = fork();
    if (pid < 0)
        return fail_errno(errno, "fork");
    if (pid == 0)
        become(command, place, {to->read.get(), from->write.get()});
    to->read.reset();
    from->write.reset();
    std::string printed = converse(std::move(to->write), from->read, input);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return fail("{} exits with {}: {}", fmt::join(command, " "), code,
                    code == 127 ? "no such program" : printed.substr(0, 2000));
    }
    return printed;
}

Result<Child> Child::start(const Words& command, const Place& place, const std::filesystem::path& log) {
    const UniqueFd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const UniqueFd input(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!output || !input)
        return fail_errno(errno, "open {}", log.string());
    const pid_t pid = fork();
    if (pid < 0)
        return fail_errno(errno, "fork");
    if (pid == 0) {
        setsid();  // Ctrl-C is for the harness, which knows what to end in which order
        become(command, place, {input.get(), output.get()});
    }
    return Child(pid);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
Child& Child::operator=(Child&& other) noexcept {
    if (this != &other) {
        kill();
        pid_ = std::exchange(other.pid_, -1);
    }
    return *this;
}

bool Child::alive() const {
    return pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0;
}

void Child::end(int signal) {
    if (pid_ <= 0)
        return;
    ::kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}
void Child::terminate() {
    end(SIGTERM);
}
void Child::kill() {
    end(SIGKILL);
}

std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Result<> write_text(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file)
        return fail_errno(errno, "write {}", path.string());
    return {};
}

Result<> replace_text(const std::filesystem::path& path, const std::string& text) {
    const std::filesystem::path next = path.parent_path() / ("." + path.filename().string() + ".new");
    if (auto done = write_text(next, text); !done)
        return done;
    std::error_code error;
    std::filesystem::rename(next, path, error);
    if (error)
        return fail_errno(error.value(), "rename {}", next.string());
    return {};
}

}  // namespace catflap::bench
