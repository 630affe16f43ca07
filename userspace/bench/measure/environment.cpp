// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/environment.h"

#include <sys/utsname.h>

#include <array>
#include <ctime>

#include "bench/measure/clock.h"
#include "bench/lab/process.h"

namespace catflap::bench {
namespace {

std::string first_line(const Words& command) {
    const auto printed = run(command);
    return printed ? printed->substr(0, printed->find('\n')) : "-";
}

// The value behind "name   :" of the first line that begins so.
std::string field(const std::string& text, const std::string& name) {
    size_t at = text.find(name);
    if (at == std::string::npos || (at = text.find(':', at)) == std::string::npos)
        return "-";
    at = text.find_first_not_of(" \t", at + 1);
    return at == std::string::npos ? "-" : text.substr(at, text.find('\n', at) - at);
}

std::string now_utc() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc);
    return text.data();
}

}  // namespace

std::map<std::string, std::string> describe_environment(const std::string& source_tree) {
    utsname kernel{};
    uname(&kernel);
    const std::string dirty =
        run({"git", "-C", source_tree, "status", "--porcelain", "--untracked-files=no"}).value_or("");
    return {
        {"time", now_utc()},
        {"kernel", kernel.release},
        {"cpu", field(read_text("/proc/cpuinfo"), "model name")},
        {"cpus", std::to_string(cpu_count())},
        {"memory", field(read_text("/proc/meminfo"), "MemTotal")},
        {"hypervisor", read_text("/proc/cpuinfo").find(" hypervisor") == std::string::npos ? "none" : "yes"},
        {"conntrackMax", std::to_string(std::atol(read_text("/proc/sys/net/netfilter/nf_conntrack_max").c_str()))},
        {"bpfJit", std::to_string(std::atol(read_text("/proc/sys/net/core/bpf_jit_enable").c_str()))},
        {"iptables", first_line({"iptables", "--version"})},
        {"ipset", first_line({"ipset", "--version"})},
        {"iproute2", first_line({"ip", "-V"})},
        {"catflap", CATFLAP_VERSION},
        {"revision", first_line({"git", "-C", source_tree, "rev-parse", "--short=12", "HEAD"}) +
                         (dirty.empty() ? "" : " with changes")},
    };
}

}  // namespace catflap::bench
