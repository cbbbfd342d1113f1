#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vigil::edge {

/// "audit [#########...........]  45 %, about 11 s left": of long work, for a terminal. The
/// estimate comes when a second of work has shown how fast it goes.
std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t of,
                          std::chrono::milliseconds elapsed);

/// One line on stderr that is written over, at most ten times a second. One thread.
class ProgressBar {
public:
    /// `shown` false: does nothing, as where stderr is no terminal.
    ProgressBar(std::string what, bool shown);
    ~ProgressBar();  ///< takes the line away
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(std::uint64_t done, std::uint64_t of);

private:
    const std::string what_;
    const bool shown_;
    const std::chrono::steady_clock::time_point begun_;
    std::chrono::steady_clock::time_point drawn_;
};

}  // namespace vigil::edge
