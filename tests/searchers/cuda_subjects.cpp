#include "cuda/cuda_searcher.hpp"
#include "tests/searchers/subjects.hpp"

namespace vigil {

void add_cuda(std::vector<Subject>& out) {
    const cuda::Devices found = cuda::find_devices();
    if (found.devices.empty()) {
        out.push_back({"cuda_0", found.notes.empty() ? "no CUDA device" : found.notes[0], {}});
        return;
    }
    for (std::size_t i = 0; i < found.devices.size(); ++i) {
        const auto open = found.devices[i].open;
        const std::string name = "cuda_" + std::to_string(i);
        out.push_back({name, "", [open] { return open(cuda::usual_limits); }});
        out.push_back({name + "_overflowing", "", [open] { return open(overflowing); }});
    }
}

}  // namespace vigil
