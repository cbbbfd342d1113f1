#include "node/outside_command.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t output_limit = 1024 * 1024;
constexpr Milliseconds step{100};
constexpr Milliseconds last_patience{2'000};  // a killed process may hang in its driver
constexpr rlim_t most_descriptors = 65'536;

struct Pipe {
    std::array<int, 2> ends{-1, -1};
    Pipe() {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) ends = {-1, -1};
    }
    ~Pipe() {
        close(0);
        close(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void close(std::size_t end) {
        if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
    }
};

/// This process blocks some signals and ignores others; the command shall not.
void take_usual_signals() {
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const std::vector<char*>& arguments, int output, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // it ended before it could take us along
    take_usual_signals();
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, 0);
    ::dup2(output, 1);
    ::dup2(nothing, 2);
    // Sockets and device files of this process are none of the other's business.
    close_when_executing();
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

bool gone(pid_t child) { return ::waitpid(child, nullptr, WNOHANG) != 0; }

}  // namespace

void close_when_executing() {
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;  // Linux 5.11
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > most_descriptors)
        limit.rlim_cur = most_descriptors;
    for (int fd = 3; fd < static_cast<int>(limit.rlim_cur); ++fd)
        if (const int flags = ::fcntl(fd, F_GETFD); flags >= 0)
            ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

OutsideCommand::OutsideCommand(std::vector<std::string> words) : words_{std::move(words)} {}

void OutsideCommand::end(bool kill) {
    if (kill) ::kill(child_, SIGKILL);
    const auto until = steady_clock::now() + last_patience;
    while (!gone(child_)) {
        if (steady_clock::now() >= until) return;
        std::this_thread::sleep_for(Milliseconds{10});
    }
    child_ = 0;
}

Expected<std::string, std::string> OutsideCommand::output(Milliseconds limit,
                                                          const std::function<bool()>& abandon) {
    if (child_ != 0 && !gone(child_))
        return tl::unexpected{
            fmt::format("process {}, which was to look before and was ended, hangs in a driver; "
                        "while it does, nobody looks",
                        child_)};
    child_ = 0;
    std::vector<char*> arguments;
    for (std::string& word : words_) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    Pipe pipe;
    if (pipe.ends[0] < 0) return tl::unexpected{std::string{std::strerror(errno)}};
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return tl::unexpected{std::string{std::strerror(errno)}};
    if (child == 0) become(arguments, pipe.ends[1], parent);
    child_ = child;
    pipe.close(1);

    std::string text;
    std::string trouble;
    const auto until = steady_clock::now() + limit;
    while (trouble.empty()) {
        pollfd ready{pipe.ends[0], POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(step.count())) > 0) {
            std::array<char, 16384> part{};
            const ssize_t count = ::read(pipe.ends[0], part.data(), part.size());
            if (count == 0) break;
            if (count > 0) text.append(part.data(), static_cast<std::size_t>(count));
        }
        if (text.size() > output_limit) trouble = "it printed over 1 MiB";
        if (abandon()) trouble = "abandoned";
        if (steady_clock::now() >= until)
            trouble = fmt::format("it did not end within {} ms", limit.count());
    }
    end(!trouble.empty());
    if (!trouble.empty()) return tl::unexpected{trouble};
    return text;
}

}  // namespace vigil::node
