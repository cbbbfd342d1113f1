#include "node/terminal.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace vigil::node {
namespace {

// What a handler of a signal reads: written before the flag is set.
termios found_mode;
std::atomic<bool> mode_is_ours{false};

bool in_foreground() { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

bool takes_lines(const termios& mode) { return (mode.c_lflag & (ICANON | ECHO)) != 0; }

}  // namespace

void give_terminal_back() noexcept {
    if (mode_is_ours.exchange(false)) ::tcsetattr(STDIN_FILENO, TCSANOW, &found_mode);
}

Terminal::Terminal() : keys_{::isatty(STDIN_FILENO) == 1} {
    if (::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) wake_[0] = wake_[1] = -1;
}

Terminal::~Terminal() {
    leave();
    for (const int end : wake_)
        if (end >= 0) ::close(end);
}

Terminal::Size Terminal::size() const {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {100, 24};
    return {size.ws_col, size.ws_row == 0 ? std::size_t{24} : size.ws_row};
}

bool Terminal::take() {
    readable_ = false;
    // Without keys the terminal is only drawn on; whose it is then says stderr.
    if (!keys_) {
        const pid_t owner = ::tcgetpgrp(STDERR_FILENO);
        return owner == -1 || owner == ::getpgrp();
    }
    if (!in_foreground()) return false;
    termios mode{};
    if (::tcgetattr(STDIN_FILENO, &mode) != 0) return true;
    // A shell sets its own mode while this process is stopped or in the background.
    if (!mode_is_ours || takes_lines(mode)) {
        if (!mode_is_ours) found_mode = mode;
        mode_is_ours = true;
        mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        // Ctrl-S would hold up whoever writes a log line next, and with it a check.
        mode.c_iflag &= ~static_cast<tcflag_t>(IXON);
        mode.c_cc[VMIN] = 1;
        mode.c_cc[VTIME] = 0;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    }
    readable_ = true;
    return true;
}

void Terminal::leave() {
    readable_ = false;
    // In the background the mode is the shell's already.
    if (in_foreground())
        give_terminal_back();
    else
        mode_is_ours = false;
}

std::optional<char> Terminal::key(Milliseconds wait) {
    std::array<pollfd, 2> watched{{{wake_[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const nfds_t count = keys_ && readable_ ? 2 : 1;
    if (::poll(watched.data(), count, static_cast<int>(wait.count())) <= 0) return std::nullopt;
    if (watched[0].revents != 0) {
        std::array<char, 16> ignored{};
        while (::read(wake_[0], ignored.data(), ignored.size()) > 0) {
        }
    }
    if (count < 2 || watched[1].revents == 0) return std::nullopt;
    char key{};
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    if (got == 1) return key;
    // EIO: this process has just been sent to the background.
    if (got == 0 || (errno != EINTR && errno != EAGAIN && errno != EIO)) keys_ = false;
    return std::nullopt;
}

void Terminal::wake() {
    const char any = 'w';
    if (wake_[1] >= 0) (void)!::write(wake_[1], &any, 1);
}

}  // namespace vigil::node
