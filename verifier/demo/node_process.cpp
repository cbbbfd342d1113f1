#include "verifier/demo/node_process.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "proto/edge/files.hpp"

namespace vigil::verifier::demo {
namespace {

constexpr std::chrono::milliseconds glance{20};

/// Only calls that are safe between fork and exec in a program with threads.
[[noreturn]] void become(const char* program, char* const* arguments, int output) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Ctrl-C goes to the whole foreground group; the demo itself ends its nodes in order.
    ::setpgid(0, 0);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    // What libraries opened without CLOEXEC (the listening sockets) is the verifier's own.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execv(program, arguments);
    ::_exit(127);
}

pid_t spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments,
            int output) {
    std::vector<std::string> words{program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) become(program.c_str(), pointers.data(), output);
    if (pid < 0)
        throw edge::Fatal{edge::exit_configuration, "E-DEMO",
                          "cannot start " + program.string() + ": " + std::strerror(errno)};
    return pid;
}

}  // namespace

NodeProcess::NodeProcess(std::filesystem::path program, std::vector<std::string> arguments,
                         std::filesystem::path log)
    : program_{std::move(program)}, arguments_{std::move(arguments)}, log_{std::move(log)} {}

NodeProcess::~NodeProcess() { kill(); }

void NodeProcess::start() {
    if (running()) return;
    const int output = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0)
        throw edge::Fatal{edge::exit_configuration, "E-DEMO",
                          "cannot write " + log_.string() + ": " + std::strerror(errno)};
    pid_ = spawn(program_, arguments_, output);
    ::close(output);
}

void NodeProcess::reap(int options) {
    int status{};
    if (pid_ > 0 && ::waitpid(pid_, &status, options) == pid_) pid_ = -1;
}

bool NodeProcess::running() {
    reap(WNOHANG);
    return pid_ > 0;
}

void NodeProcess::stop(std::chrono::milliseconds patience) {
    if (!running()) return;
    ::kill(pid_, SIGTERM);
    for (auto waited = glance; waited < patience && running(); waited += glance)
        std::this_thread::sleep_for(glance);
    kill();
}

void NodeProcess::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap(0);
}

std::string NodeProcess::last_lines(std::size_t bytes) const {
    std::ifstream file{log_, std::ios::binary | std::ios::ate};
    if (!file) return {};
    const auto size = static_cast<std::size_t>(file.tellg());
    const std::size_t wanted = std::min(size, bytes);
    std::string text(wanted, '\0');
    file.seekg(static_cast<std::streamoff>(size - wanted));
    file.read(text.data(), static_cast<std::streamsize>(wanted));
    return text;
}

std::string output_of(const std::filesystem::path& program,
                      const std::vector<std::string>& arguments,
                      std::chrono::milliseconds patience) {
    constexpr std::size_t limit = 1U << 20U;
    std::array<int, 2> pipe_ends{};
    if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return {};
    const auto [reading, writing] = pipe_ends;
    ::fcntl(reading, F_SETFL, O_NONBLOCK);
    const pid_t pid = spawn(program, arguments, writing);
    ::close(writing);

    std::string text;
    std::array<char, 4096> piece{};
    const auto give_up = std::chrono::steady_clock::now() + patience;
    bool ended = false;
    while (!ended && text.size() < limit && std::chrono::steady_clock::now() < give_up) {
        const ssize_t got = ::read(reading, piece.data(), piece.size());
        if (got > 0) text.append(piece.data(), static_cast<std::size_t>(got));
        if (got == 0) ended = true;
        if (got < 0) std::this_thread::sleep_for(glance);
    }
    ::close(reading);
    if (!ended) ::kill(pid, SIGKILL);
    int status{};
    ::waitpid(pid, &status, 0);
    return ended && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : std::string{};
}

}  // namespace vigil::verifier::demo
