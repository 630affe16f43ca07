// SPDX-License-Identifier: Apache-2.0
#include "control/control_connection.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace catflap::control {

void ControlConnection::receive() {
    if ((answering() && stream_ == 0) || input_ended_ || oversized())
        return;
    std::array<char, 64 << 10> buffer;
    const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0 && stream_ == 0) {
        input_.append(buffer.data(), static_cast<size_t>(count));
        last_progress_ = Clock::now();
    } else if (count == 0) {
        input_ended_ = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        broken_ = true;
    }
}

std::optional<std::string> ControlConnection::next_request() {
    if (answering() || !has_request() || oversized())
        return std::nullopt;
    const size_t end = input_.find('\n');
    std::string line = input_.substr(0, end);
    input_.erase(0, end == std::string::npos ? end : end + 1);
    return line;
}

bool ControlConnection::oversized() const {
    const size_t end = input_.find('\n');
    return (end == std::string::npos ? input_.size() : end) > kMaxRequestBytes;
}

void ControlConnection::answer(const std::string& line) {
    output_ = line;
    output_ += '\n';
    sent_ = 0;
}

void ControlConnection::answer_and_close(const std::string& line) {
    answer(line);
    input_.clear();
    input_ended_ = true;
}

void ControlConnection::send() {
    while (answering() && !broken_) {
        const ssize_t count =
            ::send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            broken_ = errno != EAGAIN;
            return;
        }
        sent_ += static_cast<size_t>(count);
        last_progress_ = Clock::now();
    }
    // An answer may have had hundreds of megabytes; a client that stays shall not hold them.
    std::string().swap(output_);
    sent_ = 0;
}

bool ControlConnection::push(const std::string& line) {
    if (output_.size() - sent_ + line.size() >= kMaxStreamBytes)
        return false;
    if (!answering())
        last_progress_ = Clock::now();  // the wait begins
    output_.erase(0, std::exchange(sent_, 0));
    output_ += line;
    output_ += '\n';
    return true;
}

bool ControlConnection::finished() const {
    if (stream_ != 0)
        return broken_ || input_ended_;
    return broken_ || (input_ended_ && input_.empty() && !answering());
}

bool ControlConnection::has_request() const {
    return stream_ == 0 && (input_.find('\n') != std::string::npos || (input_ended_ && !input_.empty()));
}

}  // namespace catflap::control
