#pragma once

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
    std::int64_t windows{};  ///< looked through
};
/// Derives at most some 60,000 challenges, so it looks through fewer windows of a larger network,
/// and through none of one with more than 10,000 devices. `window`: only through that one.
ChallengeSearch find_challenge(const Site& site, const Challenge& challenge, Instant now,
                               std::optional<std::int64_t> window);

}  // namespace vigil::verifier::web
