#pragma once

#include <functional>
#include <string>
#include <vector>

namespace vigil::node {

/// Cycles of the processor a second, from a chain of dependent additions; the nominal clock says
/// little. About 0.03 ms.
double clock_rate();

double thread_cpu_seconds();
double process_cpu_seconds();

/// CPU time of work done in samples, each between two measurements of the clock. Samples do not
/// count where these disagree by more than 5 %, or lie more than 5 % from the median: the clock
/// changed, or the hypervisor gave the processor to somebody else.
class CycleCost {
public:
    /// `cpu_seconds` is one of the two clocks above.
    explicit CycleCost(double (*cpu_seconds)()) : cpu_seconds_{cpu_seconds} {}

    /// Runs and measures `work`, which does `count` things. Returns its CPU seconds.
    double sample(double count, const std::function<void()>& work);
    /// The same in two halves, for work that cannot be handed over. An end without a begin counts
    /// nothing.
    void begin();
    double end(double count);

    /// For one thing: the quantile of the samples' cycles, 0.5 being the median, and the median of
    /// seconds; 0 when no sample counts.
    double cycles(double quantile = 0.5) const;
    double seconds() const;

private:
    double (*cpu_seconds_)();
    struct Sample {
        double seconds{};  // for one thing
        double clock{};
    };
    std::vector<Sample> counted() const;

    std::vector<Sample> samples_;
    double clock_ = 0;  // of the sample begun; 0: none is
    double start_ = 0;
};

}  // namespace vigil::node
