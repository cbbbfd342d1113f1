#include "tests/bench/clock_rate.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace vigil::bench {
namespace {

double seconds_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> of) {
    if (of.empty()) return 0;
    const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
}

}  // namespace

double clock_rate() {
    constexpr int additions = 1'000'000;
    const double start = thread_cpu_seconds();
    std::uint64_t sum = 1;
    for (int i = 0; i < additions; ++i) {
        // One cycle each, since each waits for the one before; the compiler sees only that it
        // changes.
        asm volatile("" : "+r"(sum));
        sum += 1;
    }
    asm volatile("" : : "r"(sum));
    return additions / (thread_cpu_seconds() - start);
}

double thread_cpu_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
double process_cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

double Cost::sample(double count, const std::function<void()>& work) {
    const double before = clock_rate();
    const double start = cpu_seconds_();
    work();
    const double took = cpu_seconds_() - start;
    const double after = clock_rate();
    seconds_.push_back(took / count);
    cycles_.push_back(took * (before + after) / 2 / count);
    return took;
}

double Cost::cycles() const { return median(cycles_); }
double Cost::seconds() const { return median(seconds_); }

}  // namespace vigil::bench
