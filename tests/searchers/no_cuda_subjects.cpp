#include "tests/searchers/subjects.hpp"

namespace vigil {

void add_cuda(std::vector<Subject>& out) { out.push_back({"cuda_0", "built without CUDA", {}}); }

}  // namespace vigil
