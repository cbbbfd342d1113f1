#include "core/uptime/availability.hpp"

#include "core/base/readable.hpp"
#include "core/base/require.hpp"

namespace vigil {
namespace {

constexpr std::uint64_t fleet_at_least = 20;

std::string at(Instant t) { return std::to_string(to_ms(t)) + " ms"; }

}  // namespace

std::optional<std::string> verifier_fault(std::span<const Instant> heartbeats, Instant start,
                                          Instant deadline) {
    const std::string during = "while the check was open";
    if (heartbeats.empty()) return "no verifier heartbeat is recorded " + during;
    if (heartbeats.front() > start)
        return "no verifier heartbeat is recorded before " + at(heartbeats.front());
    if (heartbeats.back() < deadline)
        return "no verifier heartbeat is recorded after " + at(heartbeats.back());
    for (std::size_t i = 1; i < heartbeats.size(); ++i) {
        const Instant from = heartbeats[i - 1];
        const Instant to = heartbeats[i];
        require(from <= to, "heartbeats ascend");
        const bool meets = from <= deadline && start <= to;
        if (meets && to - from > heartbeat_gap_max)
            return "the verifiers' heartbeats have a gap of " +
                   grouped(static_cast<u128>((to - from).count())) + " ms, from " + at(from) +
                   " to " + at(to) + ", " + during + " (at most " +
                   grouped(static_cast<u128>(heartbeat_gap_max.count())) + " ms is no fault)";
    }
    return std::nullopt;
}

std::optional<std::string> fleet_fault(const FleetTurnout& turnout) {
    const u128 expected = turnout.expected;
    const bool fault = expected >= fleet_at_least && u128{turnout.missed} * 2 >= expected &&
                       u128{turnout.had_missed_before} * 10 < expected;
    if (!fault) return std::nullopt;
    return grouped(turnout.missed) + " of " + grouped(expected) +
           " devices missed this fleet check, at least half, and only " +
           grouped(turnout.had_missed_before) +
           " of them had missed the one before, fewer than one in ten";
}

bool can_be_voided(Verdict verdict) {
    return verdict == Verdict::missed || verdict == Verdict::late || verdict == Verdict::below_rate;
}

}  // namespace vigil
