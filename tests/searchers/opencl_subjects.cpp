#include "opencl/opencl_searcher.hpp"
#include "tests/searchers/subjects.hpp"

namespace vigil {

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
        out.push_back({name + "_gpu_kernel", "", [open] { return open({.gpu_kernel = true}); }});
        out.push_back(
            {name + "_overflowing", "", [open] { return open({.limits = overflowing}); }});
    }
}

}  // namespace vigil
