#pragma once

#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// A passed calibration.
struct Calibrated {
    Instant received;
    std::uint64_t rate{};  ///< hashes per second
};

/// The latest passed calibrations of a device, at most four, oldest first. Read row by row, so only
/// for devices that have no valid roll call, and those have few rows.
std::vector<Calibrated> read_calibrated(Reader& reader, DeviceRef device);

/// The rate of the last of them that was received before a window's begin (protocol 5.6); 0: none.
std::uint64_t calibrated_before(const std::vector<Calibrated>& calibrated, Instant window_begin);

/// The baseline that judges a device's checks of the window that begins then (protocol 5.6), from
/// the store alone. Only for the window after the last closed one, as long as the device has no
/// outcome of it.
std::uint64_t baseline_for(Reader& reader, const BooksDevice& device, Instant window_begin);

}  // namespace vigil::verifier
