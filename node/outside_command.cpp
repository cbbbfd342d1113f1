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
constexpr std::size_t input_limit = 16 * 1024;  // less than what a pipe holds
constexpr const char* usual_path =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    for (std::string& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

/// Made before the fork: afterwards nothing may be allocated.
struct Start {
    std::vector<char*> arguments;
    std::vector<char*> environment;  ///< empty: this process's
    int input = -1, output = -1;
    pid_t parent{};
};

[[noreturn]] void become(const Start& start) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != start.parent) ::_exit(127);  // it ended before it could take us along
    take_usual_signals();
    ::setpgid(0, 0);
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(start.input < 0 ? nothing : start.input, 0);
    ::dup2(start.output, 1);
    ::dup2(nothing, 2);
    // Sockets and device files of this process are none of the other's business.
    close_when_executing();
    if (start.environment.empty())
        ::execv(start.arguments[0], start.arguments.data());
    else
        ::execve(start.arguments[0], start.arguments.data(), start.environment.data());
    ::_exit(127);
}

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

/// Reaped, or never ours.
bool OutsideCommand::gone() { return ::waitpid(child_, &status_, WNOHANG) != 0; }

void OutsideCommand::end(bool kill) {
    if (kill) {
        ::kill(-child_, SIGKILL);
        ::kill(child_, SIGKILL);  // it may not lead its group yet
    }
    const auto until = steady_clock::now() + last_patience;
    while (!gone()) {
        if (steady_clock::now() >= until) return;
        std::this_thread::sleep_for(Milliseconds{10});
    }
    child_ = 0;
}

Expected<std::string, std::string> OutsideCommand::follow(const Facts* facts, Milliseconds limit,
                                                          const std::function<bool()>& abandon) {
    if (child_ != 0 && !gone())
        return tl::unexpected{
            fmt::format("process {}, which was started before and was ended, hangs (in a driver?); "
                        "until it has gone, no other is started",
                        child_)};
    child_ = 0;
    Start start;
    start.arguments = pointers(words_);
    std::vector<std::string> environment;
    Pipe input, output;
    if (output.ends[0] < 0 || input.ends[0] < 0)
        return tl::unexpected{std::string{std::strerror(errno)}};
    if (facts != nullptr) {
        environment = facts->environment;
        environment.emplace_back(usual_path);
        start.environment = pointers(environment);
        start.input = input.ends[0];
        const std::string_view text = std::string_view{facts->input}.substr(0, input_limit);
        if (!text.empty() && ::write(input.ends[1], text.data(), text.size()) < 0)
            return tl::unexpected{std::string{std::strerror(errno)}};
    }
    start.output = output.ends[1];
    start.parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return tl::unexpected{std::string{std::strerror(errno)}};
    if (child == 0) become(start);
    child_ = child;
    output.close(1);
    input.close(0);
    input.close(1);

    std::string text;
    std::string trouble;
    const auto until = steady_clock::now() + limit;
    // An owner's program may close its output early and has its time all the same, or leave it to
    // another that it started, for which nobody waits.
    bool ended = false, closed = false;
    while (trouble.empty()) {
        if (facts != nullptr && !ended) ended = gone();
        if (closed && (ended || facts == nullptr)) break;
        pollfd ready{closed ? -1 : output.ends[0], POLLIN, 0};
        if (::poll(&ready, 1, ended ? 0 : static_cast<int>(step.count())) > 0) {
            std::array<char, 16384> part{};
            const ssize_t count = ::read(output.ends[0], part.data(), part.size());
            closed = count == 0;
            if (count > 0) text.append(part.data(), static_cast<std::size_t>(count));
        } else if (ended) {
            break;
        }
        if (text.size() > output_limit) trouble = "it printed over 1 MiB";
        if (abandon()) trouble = "abandoned";
        if (steady_clock::now() >= until)
            trouble = fmt::format("it did not end within {} ms", limit.count());
    }
    if (ended)
        child_ = 0;
    else
        end(!trouble.empty());
    if (!trouble.empty()) return tl::unexpected{trouble};
    return text;
}

Expected<std::string, std::string> OutsideCommand::output(Milliseconds limit,
                                                          const std::function<bool()>& abandon) {
    return follow(nullptr, limit, abandon);
}

Expected<OutsideCommand::Ended, std::string> OutsideCommand::run(
    const Facts& facts, Milliseconds limit, const std::function<bool()>& abandon) {
    auto text = follow(&facts, limit, abandon);
    if (!text) return tl::unexpected{text.error()};
    if (child_ != 0) {
        end(true);
        return tl::unexpected{std::string{"it closed its output and did not end"}};
    }
    const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    return Ended{std::move(*text), code};
}

}  // namespace vigil::node
