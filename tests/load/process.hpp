#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace vigil::load {

/// A folder that goes away with its owner, unless it is to be kept.
class Folder {
public:
    explicit Folder(const std::filesystem::path& keep);  ///< empty: a temporary one
    ~Folder();
    Folder(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    bool kept_;
};

/// A program started beside this one, its output in a file. Ended with its owner: SIGTERM, after
/// 20 s SIGKILL.
class Process {
public:
    Process(const std::string& program, std::vector<std::string> arguments,
            const std::filesystem::path& log, std::vector<std::string> environment = {});
    ~Process();
    Process(const Process&) = delete;

    void stop();
    bool running();

    /// Time of all its processors so far, by the kernel's clock of the process.
    std::chrono::nanoseconds cpu() const;
    struct Memory {
        std::int64_t resident_bytes{};
        std::int64_t threads{};
    };
    Memory memory() const;

private:
    pid_t pid_ = -1;
};

/// Time of all processors that this program has taken.
std::chrono::nanoseconds cpu_of_this_program();

std::uint16_t free_port();
/// Until somebody listens there; throws with the log's last lines when the process ends or time is
/// up.
void wait_for_port(std::uint16_t port, Process& process, const std::filesystem::path& log,
                   std::chrono::seconds within);

}  // namespace vigil::load
