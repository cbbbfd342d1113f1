#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/schedule/beacon.hpp"

namespace vigil {

/// Everything a challenge commits to (protocol 3.6).
struct ChallengeFields {
    NetworkId network;
    PolicyHash policy;
    CheckKind kind{};
    std::uint64_t ref{};  ///< slot number; window·256 + j for a spot check; a counter for calibrations
    Beacon beacon;
    DeviceId device;
};
Challenge challenge(const ChallengeFields& fields);

/// A check of one device, as the verifier expects it to be answered.
struct Check {
    DeviceId device;
    CheckKind kind{};
    std::uint64_t ref{};
    Challenge challenge;
    Instant start;  ///< the published start; for a calibration, when it was issued
    Instant deadline;
    std::uint32_t k{};
    Ppm theta;  ///< zero for a calibration
};

}  // namespace vigil
