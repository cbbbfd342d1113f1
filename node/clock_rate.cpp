#include "node/clock_rate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <utility>

namespace vigil::node {
namespace {

double seconds_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double value_at(double quantile, std::vector<double> of) {
    if (of.empty()) return 0;
    const auto index = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(of.size() - 1));
    std::nth_element(of.begin(), of.begin() + index, of.end());
    return of[static_cast<std::size_t>(index)];
}

/// What it costs to ask for the time.
double shortest_question() {
    double out = 1;
    for (int i = 0; i < 100; ++i) {
        const double start = thread_cpu_seconds();
        out = std::min(out, thread_cpu_seconds() - start);
    }
    return out;
}

}  // namespace

double clock_rate() {
    // Short: a core that lowers its clock for wide vectors has not raised it again meanwhile.
    constexpr int additions = 100'000;
    static const double asking = shortest_question();
    const double start = thread_cpu_seconds();
    std::uint64_t sum = 1;
    for (int i = 0; i < additions; ++i) {
        // One cycle each, since each waits for the one before; the compiler sees only that it
        // changes.
        asm volatile("" : "+r"(sum));
        sum += 1;
    }
    asm volatile("" : : "r"(sum));
    return additions / (thread_cpu_seconds() - start - asking);
}

double thread_cpu_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
double process_cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

double CycleCost::sample(double count, const std::function<void()>& work) {
    begin();
    work();
    return end(count);
}

void CycleCost::begin() {
    clock_ = clock_rate();
    start_ = cpu_seconds_();
}

double CycleCost::end(double count) {
    const double took = cpu_seconds_() - start_;
    const double before = std::exchange(clock_, 0);
    const double after = clock_rate();
    // The clock right after the work is the work's: after a rest, a core has raised it.
    if (before > 0 && std::abs(before - after) < 0.05 * after)
        samples_.push_back({took / count, after});
    return took;
}

std::vector<CycleCost::Sample> CycleCost::counted() const {
    std::vector<double> clocks;
    for (const Sample& sample : samples_) clocks.push_back(sample.clock);
    const double median = value_at(0.5, std::move(clocks));
    std::vector<Sample> out;
    for (const Sample& sample : samples_) {
        if (std::abs(sample.clock - median) < 0.05 * median) out.push_back(sample);
    }
    return out;
}

double CycleCost::cycles(double quantile) const {
    std::vector<double> cycles;
    for (const Sample& sample : counted()) cycles.push_back(sample.seconds * sample.clock);
    return value_at(quantile, std::move(cycles));
}

double CycleCost::seconds() const {
    std::vector<double> seconds;
    for (const Sample& sample : counted()) seconds.push_back(sample.seconds);
    return value_at(0.5, std::move(seconds));
}

}  // namespace vigil::node
