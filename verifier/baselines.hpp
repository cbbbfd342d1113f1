#pragma once

#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// The length of a window of this store's network, from its first policy; zero before it has one.
Milliseconds window_length(Reader& reader);

constexpr std::int64_t calibrations_kept = 4;

/// The latest passed calibrations of a device, at most `calibrations_kept`, oldest first.
std::vector<Calibrated> read_calibrated(Reader& reader, DeviceRef device, Milliseconds window);

/// The rate of the last of them that was received before a window's begin (protocol 5.6); 0: none.
std::uint64_t calibrated_before(const std::vector<Calibrated>& calibrated, Instant window_begin);

/// The baseline that judges a device's checks of the window that begins then (protocol 5.6), from
/// the store alone. Only for the window after the last closed one, as long as the device has no
/// outcome of it.
std::uint64_t baseline_for(Reader& reader, const BooksDevice& device, Instant window_begin,
                           Milliseconds window);

}  // namespace vigil::verifier
