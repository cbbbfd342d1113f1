#include "node/searcher_choice.hpp"

#include <algorithm>
#include <set>

namespace vigil::node {
namespace {

bool allowed(const SearcherOptions& options, Backend backend) {
    const auto& list = options.backends;
    if (!list.empty() && std::find(list.begin(), list.end(), backend) == list.end()) return false;
    switch (backend) {
        case Backend::cpu:
            return options.use_cpu;
        case Backend::opencl:
            return options.use_opencl;
        case Backend::cuda:
            return options.use_cuda;
    }
    return false;
}

std::string quoted(const DeviceDescription& device) {
    return "\"" + device.name + "\" through " + std::string{to_string(device.backend)};
}

}  // namespace

Choice choose(const std::vector<Candidate>& candidates, const SearcherOptions& options) {
    const bool listed = !options.backends.empty();
    std::vector<std::size_t> order;
    for (const Backend backend : {Backend::cuda, Backend::opencl, Backend::cpu}) {
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            if (candidates[i].device.backend == backend && allowed(options, backend))
                order.push_back(i);
        }
    }
    const auto has = [&](auto what) {
        return std::any_of(order.begin(), order.end(),
                           [&](std::size_t i) { return what(candidates[i]); });
    };
    const bool gpu = has([](const Candidate& c) { return c.is_gpu; });
    const bool cpu = has([](const Candidate& c) { return c.device.backend == Backend::cpu; });

    Choice choice;
    std::set<std::string> uids;
    for (const std::size_t i : order) {
        const Candidate& candidate = candidates[i];
        const bool second_best = !listed && !candidate.is_gpu &&
                                 (gpu || (cpu && candidate.device.backend != Backend::cpu));
        const bool kept = second_best && options.keep.contains(candidate.device.uid);
        if (kept && uids.insert(candidate.device.uid).second) {
            choice.used.push_back(i);
            choice.notes.push_back(quoted(candidate.device) +
                                   " is used as well, being enrolled; to let it go: vigil-node "
                                   "retire --device " +
                                   candidate.device.uid);
        } else if (second_best) {
            choice.notes.push_back(quoted(candidate.device) + " is left out: " +
                                   (gpu ? "this machine has a GPU"
                                        : "it is the same processor that the CPU searcher uses"));
        } else if (!uids.insert(candidate.device.uid).second) {
            choice.notes.push_back(quoted(candidate.device) +
                                   " is left out: the same device is used already");
        } else {
            choice.used.push_back(i);
        }
    }
    if (choice.used.empty())
        choice.notes.emplace_back(
            "no device to hash with: every backend is switched off or has no device");
    else if (!gpu && !listed)
        choice.notes.emplace_back(
            "no GPU found: hashing on the CPU; networks usually pay little for that");
    return choice;
}

}  // namespace vigil::node
