#pragma once

#include <cstdint>

#include "core/base/instant.hpp"

namespace vigil {

/// What one look at a subject said: a window of a device, a verifier's readiness.
enum class Sign : std::uint8_t {
    good,
    bad,
    unknown,  ///< says nothing of the subject, as a window that is void: changes nothing
    gone      ///< the subject is no longer looked at
};

/// A run of bad signs of one subject. An incident is open once the run is long enough, and stays
/// so until a good sign: people are told of incidents, never of single signs.
struct Incident {
    std::uint32_t bad{};  ///< signs of the run
    Instant since;        ///< of its first; meaningless while `bad` is 0
    bool open{};
    friend bool operator==(const Incident&, const Incident&) = default;
};

struct IncidentStep {
    enum class News : std::uint8_t { none, opened, recovered };
    Incident after;
    News news{};
};

/// `open_after`: bad signs in a row, at least 1. A subject that is gone closes its incident without
/// news.
IncidentStep step(const Incident& before, Sign sign, Instant at, std::uint32_t open_after);

}  // namespace vigil
