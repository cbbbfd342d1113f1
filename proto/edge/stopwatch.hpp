#pragma once

#include "core/base/instant.hpp"

namespace vigil::edge {

/// Time that passed since some moment in the past, by a clock that nobody sets. Time in which the
/// machine slept counts where the system can tell it (Linux: CLOCK_BOOTTIME); a virtual machine
/// that was paused from outside cannot. Any thread.
Milliseconds time_passed();

}  // namespace vigil::edge
