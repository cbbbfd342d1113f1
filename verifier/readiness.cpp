#include "verifier/readiness.hpp"

#include "verifier/journal.hpp"

namespace vigil::verifier {
namespace {

/// The scheduler wakes every second and writes a heartbeat every ten.
constexpr std::chrono::seconds silence_max{15};
constexpr Milliseconds lag_max{5'000};
/// Receive times decide, and nodes may come to any verifier.
constexpr Milliseconds clocks_apart_max{2'000};

}  // namespace

void Readiness::check_started(Milliseconds lag) {
    if (lag > lag_max) late_start_ = std::chrono::steady_clock::now().time_since_epoch();
}

std::optional<std::string> Readiness::why_not(const Parts& parts) const {
    if (!serving_) return "starting or stopping";
    if (const auto leap = parts.clock.held()) return clock_leap_text(*leap);
    const auto ahead = parts.timeline.ahead_of_database();
    if (parts.timeline.others_serving() > 0 && std::chrono::abs(ahead) > clocks_apart_max)
        return "this machine's clock is " + std::to_string(ahead.count()) +
               " ms ahead of the database's: verifiers must agree on the time (chrony, ntpd)";
    if (parts.store.last_write_failed()) return "the store cannot be written";
    if (parts.scheduler.silence() > silence_max) return "the scheduler does not get through";
    const auto since_late =
        std::chrono::steady_clock::now().time_since_epoch() - late_start_.load();
    if (since_late < late_for_) return "a check was started late within the last minute";
    return std::nullopt;
}

}  // namespace vigil::verifier
