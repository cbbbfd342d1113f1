#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/work/searcher.hpp"

namespace vigil::node {

struct SearcherOptions {
    unsigned cpu_threads{};  ///< 0 = every processor
    /// Backends that may be looked at at all.
    bool use_cpu{true};
    bool use_opencl{true};
    bool use_cuda{true};
    /// Exactly these, every device of them, processors under OpenCL too. Empty = the choice below.
    std::vector<Backend> backends;
    std::string machine_id;  ///< for the CPU's uid (protocol 1.8)
    /// By uid: chosen as ever, but not opened and not in the result. Somebody else has them open.
    std::set<std::string> leave_out{};
    /// By uid: processors used beside a GPU all the same. They are enrolled, and one that stays
    /// away is slashed.
    std::set<std::string> keep{};
};

struct FoundSearchers {
    std::vector<std::unique_ptr<Searcher>> searchers;
    std::vector<std::string>
        notes;  ///< sentences for the owner: what is used, what is not, and why
};

/// Every device of this machine that hashes, each once. Without an explicit list: all GPUs, by CUDA
/// where it serves them, else by OpenCL; without any GPU the CPU. A processor that OpenCL offers is
/// left out, being the same silicon as the CPU searcher. Never throws for a missing driver: that is
/// a note.
FoundSearchers find_searchers(const SearcherOptions& options);

/// Of the CUDA toolkit this build was made with, 13000 for 13.0; 0: this build has no CUDA.
int cuda_toolkit_version();

/// What OpenCL's drivers list, without taking any of it into use.
struct OpenclListing {
    std::vector<DeviceDescription> devices;
    std::vector<std::string> notes;  ///< sentences: why there are none, or why one is left out
};
OpenclListing list_opencl();

}  // namespace vigil::node
