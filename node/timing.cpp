#include "node/timing.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/edge/files.hpp"

namespace vigil::node {

using std::chrono::ceil;

Milliseconds deadline_margin(const OpenCheck& check, Milliseconds round_trip) {
    const Milliseconds slack = check.deadline - check.start - check.work - check.spread;
    if (round_trip.count() == 0) return std::clamp(slack / 4, Milliseconds{0}, Milliseconds{1000});
    return std::max(Milliseconds{400}, 2 * round_trip);
}

std::optional<SearchPlan> plan_search(const OpenCheck& check, SteadyTime learned, SteadyTime now,
                                      Milliseconds extra, Milliseconds margin) {
    SearchPlan plan;
    plan.deadline = learned + check.remaining;
    plan.start = plan.deadline - (check.deadline - check.start);
    plan.last_stop = plan.deadline - margin;
    if (plan.last_stop <= now) return std::nullopt;

    const Milliseconds delay = std::max(Milliseconds{0}, ceil<Milliseconds>(now - plan.start));
    const Milliseconds usual = check.work + extra;
    // After nine delays of work the delay is a tenth of the time the rate divides by.
    plan.late = 9 * delay > usual;
    plan.stop = std::min(now + std::max(usual, 9 * delay), plan.last_stop);
    return plan;
}

bool can_wait(const OpenCheck& check, SteadyTime learned, SteadyTime busy_until,
              Milliseconds margin) {
    return busy_until + check.work + margin <= learned + check.remaining;
}

Backoff::Backoff(Milliseconds first, Milliseconds longest, std::uint64_t seed)
    : first_{first}, longest_{longest}, step_{first}, state_{seed} {}

Milliseconds Backoff::next() {
    state_ += 0x9e3779b97f4a7c15;  // splitmix64: jitter needs no better
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    const auto half = static_cast<std::uint64_t>(step_.count() / 2);
    const Milliseconds pause{static_cast<std::int64_t>(half + z % (half + 1))};
    step_ = std::min(step_ * 2, longest_);
    return pause;
}

std::uint64_t random_u64() {
    std::array<std::uint8_t, 8> bytes{};
    edge::random_bytes(bytes);
    std::uint64_t value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

}  // namespace vigil::node
