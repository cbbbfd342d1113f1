#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace vigil::verifier::demo {

/// A vigil-node of the demo: a real process of the real program, its output in a log file of its
/// own. It dies with us, also when we are killed.
class NodeProcess {
public:
    /// Nothing runs until start().
    NodeProcess(std::filesystem::path program, std::vector<std::string> arguments,
                std::filesystem::path log);
    ~NodeProcess();  ///< kill()
    NodeProcess(const NodeProcess&) = delete;
    NodeProcess& operator=(const NodeProcess&) = delete;

    /// Throws edge::Fatal E-DEMO when the program cannot be started. No effect while running.
    void start();
    bool running();
    /// SIGTERM, then SIGKILL after `patience`.
    void stop(std::chrono::milliseconds patience);
    /// SIGKILL at once: a power cut.
    void kill();

    const std::filesystem::path& log() const { return log_; }
    /// The last lines of its output, for an error message.
    std::string last_lines(std::size_t bytes = 2000) const;

private:
    void reap(int options);

    std::filesystem::path program_;
    std::vector<std::string> arguments_;
    std::filesystem::path log_;
    pid_t pid_ = -1;
};

/// Runs the program to its end and returns what it printed (at most 1 MiB); empty when it failed or
/// took longer than `patience`.
std::string output_of(const std::filesystem::path& program,
                      const std::vector<std::string>& arguments,
                      std::chrono::milliseconds patience);

}  // namespace vigil::verifier::demo
