#include "tests/searchers/subjects.hpp"

namespace vigil {

void add_opencl(std::vector<Subject>& out) {
    out.push_back({"opencl_0", "built without OpenCL", {}});
}

}  // namespace vigil
