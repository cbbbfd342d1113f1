#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "core/work/searcher.hpp"

namespace vigil::node {

/// Searches one small range and compares the result with core's definition, nonce by nonce. Empty:
/// the same; else a sentence that says what differed or why the device failed.
std::string reference_check(Searcher& searcher);

/// One search of that length; the device's own counter. Throws SearchFailed.
double hashes_per_second(Searcher& searcher, Milliseconds time);

struct BenchFigures {
    DeviceDescription device;
    std::string failure;        ///< of the reference check or the search; then there are no rates
    std::vector<double> rates;  ///< hashes per second of each second, in order

    double median() const;
    double spread() const;  ///< (largest − smallest) / median; 0 for fewer than two
};

/// The reference check, then `seconds` figures of `figure` each. `progress` is told after each
/// (done, of); `between`, where given, between launches, as a search's KeepSearching is.
BenchFigures bench(Searcher& searcher, unsigned seconds, Milliseconds figure,
                   const std::function<void(unsigned, unsigned)>& progress,
                   const std::function<void(const SearchProgress&)>& between = {});

}  // namespace vigil::node
