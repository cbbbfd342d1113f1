#include "node/searchers.hpp"

#include <functional>

#include "node/cpu_searcher.hpp"
#include "node/guarded_searcher.hpp"
#include "node/reopening_searcher.hpp"
#include "node/searcher_choice.hpp"

#if VIGIL_HAVE_CUDA
#include "cuda/cuda_searcher.hpp"
#endif
#if VIGIL_HAVE_OPENCL
#include "opencl/opencl_searcher.hpp"
#endif

namespace vigil::node {
namespace {

/// All that was found, by the same places: what the choice looks at, and how to get it.
struct Catalogue {
    std::vector<Candidate> candidates;
    std::vector<std::function<std::unique_ptr<Searcher>()>> open;
    std::vector<std::string> notes;
};

void add_cuda(Catalogue& out) {
#if VIGIL_HAVE_CUDA
    cuda::Devices found = cuda::find_devices();
    for (const auto& device : found.devices) {
        out.candidates.push_back({device.description, true});
        out.open.emplace_back([open = device.open] { return open(cuda::usual_limits); });
    }
    out.notes.insert(out.notes.end(), found.notes.begin(), found.notes.end());
#else
    out.notes.emplace_back("this build has no CUDA: NVIDIA devices are used through OpenCL");
#endif
}

void add_opencl(Catalogue& out) {
#if VIGIL_HAVE_OPENCL
    opencl::Devices found = opencl::find_devices();
    for (const auto& device : found.devices) {
        out.candidates.push_back({device.description, !device.is_processor});
        out.open.emplace_back([open = device.open] { return open(opencl::OpenOptions{}); });
    }
    out.notes.insert(out.notes.end(), found.notes.begin(), found.notes.end());
#else
    out.notes.emplace_back("this build has no OpenCL");
#endif
}

void add_cpu(Catalogue& out, const SearcherOptions& options) {
    const CpuSearcherOptions cpu{
        .threads = options.cpu_threads, .path = "", .machine_id = options.machine_id};
    out.candidates.push_back({describe_cpu(cpu), false});
    out.open.emplace_back([cpu] { return make_cpu_searcher(cpu); });
}

bool may(const SearcherOptions& options, Backend backend, bool use) {
    if (!use || options.backends.empty()) return use;
    for (const Backend listed : options.backends) {
        if (listed == backend) return true;
    }
    return false;
}

}  // namespace

int cuda_toolkit_version() {
#if VIGIL_HAVE_CUDA
    return cuda::toolkit_version();
#else
    return 0;
#endif
}

OpenclListing list_opencl() {
    Catalogue found;
    add_opencl(found);
    OpenclListing out{{}, std::move(found.notes)};
    for (Candidate& candidate : found.candidates) out.devices.push_back(candidate.device);
    return out;
}

FoundSearchers find_searchers(const SearcherOptions& options) {
    Catalogue catalogue;
    if (may(options, Backend::cuda, options.use_cuda)) add_cuda(catalogue);
    if (may(options, Backend::opencl, options.use_opencl)) add_opencl(catalogue);
    if (may(options, Backend::cpu, options.use_cpu)) add_cpu(catalogue, options);

    // A device that will not open is taken out and the choice made again: its second way, or the
    // CPU.
    FoundSearchers found;
    for (;;) {
        const Choice choice = choose(catalogue.candidates, options);
        std::size_t failed = catalogue.candidates.size();
        found.searchers.clear();
        for (const std::size_t i : choice.used) {
            if (options.leave_out.contains(catalogue.candidates[i].device.uid)) continue;
            try {
                found.searchers.push_back(make_guarded_searcher(
                    make_reopening_searcher(catalogue.open[i](), catalogue.open[i])));
            } catch (const SearchFailed& failure) {
                catalogue.notes.push_back("\"" + catalogue.candidates[i].device.name +
                                          "\" is not used: " + failure.what());
                failed = i;
                break;
            }
        }
        if (failed == catalogue.candidates.size()) {
            found.notes = std::move(catalogue.notes);
            found.notes.insert(found.notes.end(), choice.notes.begin(), choice.notes.end());
            return found;
        }
        catalogue.candidates.erase(catalogue.candidates.begin() +
                                   static_cast<std::ptrdiff_t>(failed));
        catalogue.open.erase(catalogue.open.begin() + static_cast<std::ptrdiff_t>(failed));
    }
}

}  // namespace vigil::node
