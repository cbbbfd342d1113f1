#include "tests/searchers/subjects.hpp"

#include "node/cpu_searcher.hpp"
#include "node/cpu_searcher_scan.hpp"

namespace vigil {
namespace {

void add_cpu(std::vector<Subject>& out) {
    for (const std::string path : {"scalar", "bmi2", "avx2", "avx512"}) {
        std::string missing = "this build has no CPU path " + path;
        for (const auto& built : node::cpu_paths()) {
            if (built.name == path)
                missing = built.supported() ? "" : "this processor has no " + path;
        }
        for (const unsigned threads : {1U, 3U}) {
            out.push_back(
                {"cpu_" + path + "_threads_" + std::to_string(threads), missing, [path, threads] {
                     return node::make_cpu_searcher(
                         {.threads = threads, .path = path, .machine_id = "test"});
                 }});
        }
    }
}

}  // namespace

const std::vector<Subject>& subjects() {
    static const std::vector<Subject> all = [] {
        std::vector<Subject> out;
        add_cpu(out);
        add_opencl(out);
        add_cuda(out);
        add_cuda_bodies(out);
        return out;
    }();
    return all;
}

}  // namespace vigil
