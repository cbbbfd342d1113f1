#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vigil::health {

/// A card as NVIDIA's driver lists it, whether or not this build has code for it.
struct CudaCard {
    std::string uuid;  ///< "GPU-…"
    std::string name;
    int major{}, minor{};  ///< compute capability
};

struct CudaDriver {
    bool present{};               ///< libcuda.so.1 could be opened
    int version{};                ///< newest CUDA it serves, 12040 for 12.4; 0: it does not say
    std::string trouble;          ///< why it lists no cards; empty: it does
    std::vector<CudaCard> cards;  ///< at most 64
};

/// Asks NVIDIA's CUDA driver, opened while running, usually "libcuda.so.1". Starts it, which takes
/// a moment for each card; may hang in a broken driver.
CudaDriver look_at_cuda_driver(const std::string& library);

}  // namespace vigil::health
