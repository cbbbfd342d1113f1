#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vigil::health {

/// What a driver says of one device at one moment. A value that it does not give is absent, never
/// zero.
struct Reading {
    std::optional<std::int64_t> temperature_celsius;
    std::optional<std::uint64_t> power_milliwatts;
    std::optional<std::uint64_t> energy_millijoules;  ///< since the driver was loaded
    std::optional<std::uint64_t> memory_total_bytes;
    std::optional<std::uint64_t> memory_used_bytes;  ///< by everybody
    std::optional<std::uint64_t> memory_free_bytes;
    std::optional<std::uint32_t> utilisation_percent;
    std::optional<std::uint32_t> clock_mhz;
    std::optional<std::uint32_t> memory_clock_mhz;
    /// Why the clock is below its highest, "power cap", "hardware: too hot", …; empty: it is not.
    std::optional<std::vector<std::string>> throttled_by;
    std::optional<bool> ecc;
    std::optional<std::uint64_t> uncorrected_errors;  ///< since the driver was loaded
    std::optional<bool> mig;
    std::optional<std::string> pci_address;  ///< "0000:3b:00.0"
    std::optional<std::string> driver;       ///< "535.183.01"
    /// Other processes with memory of this device for computing, at most 64. The node's own is not
    /// among them.
    std::optional<std::vector<std::uint32_t>> other_processes;
};

/// What is known of a device now.
enum class Presence : std::uint8_t {
    unknown,  ///< no reading, or none for too long: the driver has not come back
    present,
    lost,    ///< the driver says that it is gone, or needs a reset
    silent,  ///< no driver knows this device: nothing will ever be read
};

constexpr std::size_t most_processes = 64;

}  // namespace vigil::health
