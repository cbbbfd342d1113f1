#include "node/lookout.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/timing.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t output_limit = 1024 * 1024;
constexpr Milliseconds step{100};
constexpr Milliseconds calm_step{1'000};
constexpr Milliseconds last_patience{2'000};  // a killed process may hang in its driver

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

[[noreturn]] void become(const std::vector<char*>& arguments, int output) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, 0);
    ::dup2(output, 1);
    ::dup2(nothing, 2);
    // Sockets and device files of this process are none of the other's business.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

void end(pid_t child, bool kill) {
    if (kill) ::kill(child, SIGKILL);
    const auto until = steady_clock::now() + last_patience;
    while (::waitpid(child, nullptr, WNOHANG) == 0 && steady_clock::now() < until)
        std::this_thread::sleep_for(Milliseconds{10});
}

}  // namespace

Expected<std::vector<SeenDevice>, std::string> unused_devices(std::string_view listing,
                                                              const std::set<std::string>& own) {
    std::vector<SeenDevice> unused;
    try {
        const auto all = nlohmann::json::parse(listing);
        for (const auto& entry : all.at("devices")) {
            SeenDevice seen{entry.at("uid"), entry.at("name")};
            if (entry.at("backend") != "cpu" && !own.contains(seen.uid))
                unused.push_back(std::move(seen));
        }
    } catch (const nlohmann::json::exception& wrong) {
        return tl::unexpected{std::string{"its list of devices cannot be read: "} + wrong.what()};
    }
    return unused;
}

Expected<std::string, std::string> output_of(const std::vector<std::string>& command,
                                             Milliseconds limit,
                                             const std::function<bool()>& abandon) {
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    Pipe pipe;
    if (pipe.ends[0] < 0) return tl::unexpected{std::string{std::strerror(errno)}};
    const pid_t child = ::fork();
    if (child < 0) return tl::unexpected{std::string{std::strerror(errno)}};
    if (child == 0) become(arguments, pipe.ends[1]);
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
            trouble = "it did not end within " + std::to_string(limit.count()) + " ms";
    }
    end(child, !trouble.empty());
    if (!trouble.empty()) return tl::unexpected{trouble};
    return text;
}

Lookout::Lookout(Look look, std::function<bool()> calm, Milliseconds first, Milliseconds longest)
    : look_{std::move(look)}, calm_{std::move(calm)}, thread_{[this, first, longest] {
          run(first, longest);
      }} {}

Lookout::~Lookout() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::optional<SeenDevice> Lookout::found() const {
    const std::lock_guard lock{mutex_};
    return found_;
}

bool Lookout::wait(Milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void Lookout::run(Milliseconds first, Milliseconds longest) {
    const auto stopping = [this] {
        const std::lock_guard lock{mutex_};
        return stopping_;
    };
    Backoff pauses{first, longest, random_u64()};
    std::string last_trouble;
    while (wait(pauses.next())) {
        while (!calm_())
            if (!wait(calm_step)) return;
        const auto seen = look_(stopping);
        if (stopping()) return;
        if (!seen) {
            if (seen.error() != last_trouble)
                spdlog::warn("looking for devices that came later failed: {}",
                             edge::for_log(seen.error()));
            last_trouble = seen.error();
            continue;
        }
        if (seen->empty()) continue;
        const std::lock_guard lock{mutex_};
        found_ = seen->front();
        return;
    }
}

}  // namespace vigil::node
