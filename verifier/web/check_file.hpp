#pragma once

#include <mutex>
#include <optional>

#include "verifier/web/site.hpp"

namespace vigil::verifier::web {

/// What the store knows of one check of one device, as its page shows it.
struct CheckFile {
    NodeRecord node;
    CheckRow row;
    std::optional<WindowRecord> window;  ///< once it is closed
    std::optional<StoredAnswer> answer;
};

/// Looks in its window when that is named, else among the device's latest 1,000 checks. Nothing:
/// no verdict of this challenge is there. Throws StoreFailed.
std::optional<CheckFile> read_check_file(const Site& site, const RosterDevice& device,
                                         const Challenge& challenge,
                                         std::optional<std::int64_t> window);

/// Whose a challenge is. It commits to one device (protocol 3.6) and is written down under it, so
/// who knows only the challenge has it derived again for every device: of checks that have started,
/// newest window first.
struct ChallengeSearch {
    struct Found {
        DeviceId device;
        std::optional<WindowIndex> window;  ///< nothing: a calibration
    };
    std::optional<Found> found;
    std::size_t devices{};   ///< of the network
    std::int64_t windows{};  ///< looked through
};
/// Held by who searches, for one search runs at a time: false while another does.
std::unique_lock<std::mutex> search_turn();
/// Looks through 48 windows at most, and derives at most 100,000 challenges: with k checks of a
/// device a window (those of the fleet, its spot checks, and its calibration) it looks through at
/// most 100,000 / (devices · k) windows, of a network too large for one through none. `window`:
/// only through that one, which is not after `now`.
ChallengeSearch find_challenge(const Site& site, const Challenge& challenge, Instant now,
                               std::optional<std::int64_t> window);

}  // namespace vigil::verifier::web
