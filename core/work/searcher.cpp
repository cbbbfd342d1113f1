#include "core/work/searcher.hpp"

#include "core/base/require.hpp"

namespace vigil {

std::string_view to_string(Backend backend) {
    switch (backend) {
        case Backend::cpu:
            return "cpu";
        case Backend::opencl:
            return "opencl";
        case Backend::cuda:
            return "cuda";
    }
    require(false, "a backend out of its enumeration");
    return {};
}

void Searcher::use_kernel(std::string_view name) {
    if (name != device().kernel)
        throw SearchFailed{"no kernel of this device is called \"" + std::string{name} + "\""};
}

}  // namespace vigil
