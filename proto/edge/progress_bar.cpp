#include "proto/edge/progress_bar.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace vigil::edge {
namespace {

constexpr std::uint64_t cells = 20;
constexpr std::chrono::milliseconds redraw_every{100};

std::string time_words(std::uint64_t s) {
    if (s < 60) return std::to_string(s) + " s";
    if (s < 3600) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
    return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

}  // namespace

std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t of,
                          std::chrono::milliseconds elapsed) {
    // Ratios alone: neither count times a thousand must overflow.
    const double part =
        of == 0 ? 1.0 : static_cast<double>(std::min(done, of)) / static_cast<double>(of);
    const auto filled = static_cast<std::uint64_t>(part * static_cast<double>(cells));
    std::string line = what + " [";
    line.append(filled, '#').append(cells - filled, '.');
    const std::string percent = std::to_string(static_cast<std::uint64_t>(part * 100));
    line.append("] ").append(percent.size() < 3 ? 3 - percent.size() : 0, ' ');
    line.append(percent).append(" %");
    if (part > 0 && part < 1 && elapsed >= std::chrono::seconds{1}) {
        const double left = static_cast<double>(elapsed.count()) * (1 - part) / part / 1000;
        constexpr double longest = 1e9;
        line.append(", about ")
            .append(time_words(static_cast<std::uint64_t>(std::llround(std::min(left, longest)))))
            .append(" left");
    }
    return line;
}

ProgressBar::ProgressBar(std::string what, bool shown)
    : what_{std::move(what)}, shown_{shown}, begun_{std::chrono::steady_clock::now()} {}

ProgressBar::~ProgressBar() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(std::uint64_t done, std::uint64_t of) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (drawn_ != std::chrono::steady_clock::time_point{} && now - drawn_ < redraw_every) return;
    drawn_ = now;
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_);
    std::fprintf(stderr, "\r\x1b[K%s", progress_line(what_, done, of, elapsed).c_str());
}

}  // namespace vigil::edge
