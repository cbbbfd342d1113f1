#include "proto/edge/stopwatch.hpp"

#include <chrono>
#include <time.h>

namespace vigil::edge {

Milliseconds time_passed() {
#ifdef CLOCK_BOOTTIME
    timespec passed{};
    if (clock_gettime(CLOCK_BOOTTIME, &passed) == 0)
        return std::chrono::duration_cast<Milliseconds>(std::chrono::seconds{passed.tv_sec} +
                                                        std::chrono::nanoseconds{passed.tv_nsec});
#endif
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace vigil::edge
