#pragma once

#include <functional>
#include <string>
#include <vector>

namespace vigil::bench {

/// Cycles of the processor a second, from a chain of dependent additions; the nominal clock says
/// little. About 0.4 ms.
double clock_rate();

double thread_cpu_seconds();
double process_cpu_seconds();

/// CPU time of work done in samples, each between two measurements of the clock.
class Cost {
public:
    /// `cpu_seconds` is one of the two clocks above.
    explicit Cost(double (*cpu_seconds)()) : cpu_seconds_{cpu_seconds} {}

    /// Runs and measures `work`, which does `count` things. Returns its CPU seconds.
    double sample(double count, const std::function<void()>& work);

    /// Medians over the samples, for one thing.
    double cycles() const;
    double seconds() const;

private:
    double (*cpu_seconds_)();
    std::vector<double> cycles_;
    std::vector<double> seconds_;
};

}  // namespace vigil::bench
