#include "tests/load/policy.hpp"

namespace vigil::load {

using namespace std::chrono_literals;

Policy load_policy(const LoadCalendar& calendar) {
    Policy policy = preset(preset_names().front()).value();
    policy.name = "load";
    policy.slots_per_window = calendar.slots_per_window;
    policy.day = calendar.slot * calendar.slots_per_window * policy.windows_per_day;
    // A tenth of a second for the start to vary in, and for the last answers to be judged.
    const Milliseconds work = calendar.slot / 10;
    const CheckRule fleet{.k = calendar.k,
                          .work = work,
                          .spread = 0ms,
                          .slack = calendar.slot - work - 100ms,
                          .theta = Ppm{1}};
    policy.roll_call = fleet;
    policy.hourly = fleet;
    policy.spot = {.k = calendar.k, .work = 100ms, .spread = 0ms, .slack = 400ms, .theta = Ppm{1}};
    policy.calibration = {.k = 3, .work = work, .spread = 0ms, .slack = fleet.slack, .theta = {}};
    policy.notice_days = 0;
    return policy;
}

}  // namespace vigil::load
