#include "verifier/baselines.hpp"

#include <algorithm>

#include "core/policy/policy.hpp"
#include "core/schedule/calendar.hpp"
#include "core/uptime/judge.hpp"

namespace vigil::verifier {

Milliseconds window_length(Reader& reader) {
    const auto policies = reader.policies();
    if (policies.empty()) return {};
    const auto policy = policy_from_canonical(policies.front().canonical);
    if (!policy) throw StoreFailed{"the store's first policy cannot be read: " + policy.error()};
    return Calendar{*policy}.window_length();
}

std::vector<Calibrated> read_calibrated(Reader& reader, DeviceRef device, Milliseconds window) {
    if (window == Milliseconds{}) return {};
    auto found = reader.passed_calibrations(device, window, calibrations_kept);
    std::sort(found.begin(), found.end(),
              [](const Calibrated& a, const Calibrated& b) { return a.received < b.received; });
    return found;
}

std::uint64_t calibrated_before(const std::vector<Calibrated>& calibrated, Instant window_begin) {
    std::uint64_t rate = 0;
    for (const Calibrated& one : calibrated)
        if (one.received < window_begin) rate = one.rate;
    return rate;
}

std::uint64_t baseline_for(Reader& reader, const BooksDevice& device, Instant window_begin,
                           Milliseconds window) {
    if (!device.roll_call_rates.empty()) return baseline(device.roll_call_rates, std::nullopt);
    if (!device.calibration_rate) return 0;
    return calibrated_before(read_calibrated(reader, device.ref, window), window_begin);
}

}  // namespace vigil::verifier
