#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace vigil {

/// A card's UUID as NVML writes it, "GPU-5f1c…", so that it has one uid whichever way it is reached
/// (protocol 1.8).
std::string gpu_uid(std::span<const std::uint8_t, 16> uuid);

}  // namespace vigil
