#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/work/launches.hpp"
#include "core/work/searcher.hpp"

namespace vigil {

/// One way to search that the conformance suite is run on.
struct Subject {
    std::string name;
    std::string missing;  ///< why it cannot run here; empty when it can
    std::function<std::unique_ptr<Searcher>()> make;

    friend std::ostream& operator<<(std::ostream& out, const Subject& subject) {
        return out << subject.name;
    }
};

/// Every searcher of this build on every device of this machine, and those that are missing.
const std::vector<Subject>& subjects();

/// Adds the devices of a backend, or the reason why there are none: one file with, one without it.
void add_opencl(std::vector<Subject>& subjects);
void add_cuda(std::vector<Subject>& subjects);
/// The arithmetic of the CUDA kernels, which is tested on every machine.
void add_cuda_bodies(std::vector<Subject>& subjects);

inline constexpr LaunchLimits roomy{.found_capacity = 32'768, .hits_expected = 8'192};
/// A short list that launches are long enough to overflow, with k both above and below its length.
inline constexpr LaunchLimits overflowing{.found_capacity = 300, .hits_expected = 3'000};

}  // namespace vigil
