#include "core/policy/policy.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;

Policy incentivenet_2024_10() {
    Policy policy;
    policy.name = "incentivenet-2024-10";
    policy.day = std::chrono::hours{24};
    policy.windows_per_day = 6;
    policy.slots_per_window = 4;
    policy.roll_call = {.k = 256, .work = 20s, .spread = 2s, .slack = 10s, .theta = Ppm{700'000}};
    policy.hourly = {.k = 64, .work = 2s, .spread = 2s, .slack = 10s, .theta = Ppm{500'000}};
    policy.spot = {.k = 64, .work = 2s, .spread = 0s, .slack = 10s, .theta = Ppm{500'000}};
    policy.calibration = {.k = 256, .work = 5s, .spread = 0s, .slack = 10s, .theta = {}};
    policy.spots_per_window = 2;
    policy.max_missed_checks = 1;
    policy.multiplier = {Ppm{0},         Ppm{1'000'000}, Ppm{1'319'500}, Ppm{1'741'080},
                         Ppm{2'297'355}, Ppm{3'031'360}, Ppm{4'000'000}};
    policy.base_per_mhs = Micro{10'000'000};
    policy.decay = Ppm{900'000};
    policy.decay_days = 14;
    policy.grace_every_days = 30;
    policy.grace_days = 2;
    policy.slash_tiers = {{1, Ppm{25'000}}, {6, Ppm{50'000}}, {11, Ppm{100'000}}};
    policy.notice_days = 2;
    return policy;
}

/// The rules before tiers: a tenth of the balance for every down day.
Policy incentivenet_2024_09() {
    Policy policy = incentivenet_2024_10();
    policy.name = "incentivenet-2024-09";
    policy.slash_tiers = {{1, Ppm{100'000}}};
    return policy;
}

/// A day of two minutes, for trying things out.
Policy demo() {
    Policy policy = incentivenet_2024_10();
    policy.name = "demo";
    policy.day = 120s;
    policy.roll_call = {.k = 256, .work = 2s, .spread = 0s, .slack = 1s, .theta = Ppm{700'000}};
    policy.hourly = {.k = 64, .work = 300ms, .spread = 0s, .slack = 700ms, .theta = Ppm{500'000}};
    policy.spot = {.k = 64, .work = 300ms, .spread = 0s, .slack = 700ms, .theta = Ppm{500'000}};
    policy.calibration = {.k = 256, .work = 1s, .spread = 0s, .slack = 2s, .theta = {}};
    policy.spots_per_window = 1;
    policy.notice_days = 0;
    return policy;
}

struct Preset {
    std::string_view name;
    Policy (*make)();
};
constexpr Preset presets[] = {{"incentivenet-2024-10", incentivenet_2024_10},
                              {"incentivenet-2024-09", incentivenet_2024_09},
                              {"demo", demo}};

}  // namespace

std::vector<std::string_view> preset_names() {
    std::vector<std::string_view> names;
    for (const Preset& preset : presets) names.push_back(preset.name);
    return names;
}

std::optional<Policy> preset(std::string_view name) {
    for (const Preset& candidate : presets)
        if (candidate.name == name) return candidate.make();
    return std::nullopt;
}

}  // namespace vigil
