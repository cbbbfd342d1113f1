#include <algorithm>

#include "opencl/opencl_searcher.hpp"
#include "tests/searchers/subjects.hpp"

namespace vigil {
namespace {

/// For a test's name, which takes no hyphen.
std::string spelled(std::string kernel) {
    std::replace(kernel.begin(), kernel.end(), '-', '_');
    return kernel;
}

}  // namespace

void add_opencl(std::vector<Subject>& out) {
    const opencl::Devices found = opencl::find_devices();
    if (found.devices.empty()) {
        out.push_back({"opencl_0", found.notes.empty() ? "no OpenCL device" : found.notes[0], {}});
        return;
    }
    for (std::size_t i = 0; i < found.devices.size(); ++i) {
        const auto open = found.devices[i].open;
        const std::string name = "opencl_" + std::to_string(i);
        out.push_back({name, "", [open] { return open(opencl::OpenOptions{}); }});
        out.push_back(
            {name + "_overflowing", "", [open] { return open({.limits = overflowing}); }});
        for (const bool gpu : {false, true}) {
            const std::string kind = gpu ? "_for_gpus_" : "_";
            for (const std::string& kernel : open({.gpu_kernels = gpu})->kernels())
                out.push_back({name + kind + spelled(kernel), "", [open, gpu, kernel] {
                                   auto searcher = open({.gpu_kernels = gpu});
                                   searcher->use_kernel(kernel);
                                   return searcher;
                               }});
        }
    }
}

}  // namespace vigil
