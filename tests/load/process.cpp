#include "tests/load/process.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>

extern "C" char** environ;

namespace vigil::load {
namespace {

using namespace std::chrono_literals;

constexpr auto stop_within = 20s;

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

sockaddr_in local(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

bool somebody_listens(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = local(port);
    const bool connected =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
}

std::string tail(const std::filesystem::path& log) {
    std::ostringstream text;
    text << std::ifstream{log}.rdbuf();
    const std::string all = text.str();
    return all.substr(all.size() - std::min<std::size_t>(all.size(), 2'000));
}

std::chrono::nanoseconds cpu_by(clockid_t clock) {
    timespec time{};
    if (::clock_gettime(clock, &time) != 0) return 0ns;
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

}  // namespace

Folder::Folder(const std::filesystem::path& keep) : path_{keep}, kept_{!keep.empty()} {
    if (kept_) {
        std::filesystem::create_directories(path_);
        return;
    }
    std::string name = (std::filesystem::temp_directory_path() / "vigil-load-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error{"no temporary folder can be made"};
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
}

Process::Process(const std::string& program, std::vector<std::string> arguments,
                 const std::filesystem::path& log, std::vector<std::string> environment) {
    arguments.insert(arguments.begin(), program);
    // What is measured is what the flags say, whatever is set here.
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (!std::string_view{*entry}.starts_with("VIGIL_")) environment.emplace_back(*entry);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    const int failure = ::posix_spawnp(&pid_, program.c_str(), &files, nullptr,
                                       pointers(arguments).data(), pointers(environment).data());
    posix_spawn_file_actions_destroy(&files);
    if (failure != 0)
        throw std::runtime_error{"cannot start " + program + "; name it with --program"};
}

Process::~Process() { stop(); }

bool Process::running() {
    if (pid_ < 0) return false;
    if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
    pid_ = -1;
    return false;
}

void Process::stop() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + stop_within;
    while (running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::chrono::nanoseconds Process::cpu() const {
    clockid_t clock{};
    return ::clock_getcpuclockid(pid_, &clock) == 0 ? cpu_by(clock) : 0ns;
}

std::chrono::nanoseconds cpu_of_this_program() { return cpu_by(CLOCK_PROCESS_CPUTIME_ID); }

Process::Memory Process::memory() const {
    Memory memory;
    std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("VmRSS:", 0) == 0) memory.resident_bytes = std::stoll(line.substr(6)) * 1024;
        if (line.rfind("Threads:", 0) == 0) memory.threads = std::stoll(line.substr(8));
    }
    return memory;
}

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = local(0);
    socklen_t size = sizeof address;
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    if (!bound) throw std::runtime_error{"no port is free"};
    return ntohs(address.sin_port);
}

void wait_for_port(std::uint16_t port, Process& process, const std::filesystem::path& log,
                   std::chrono::seconds within) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!somebody_listens(port)) {
        if (!process.running() || std::chrono::steady_clock::now() > end)
            throw std::runtime_error{"the started program does not listen; it said:\n" + tail(log)};
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace vigil::load
