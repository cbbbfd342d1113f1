#include "verifier/web/check_file.hpp"

#include <algorithm>

namespace vigil::verifier::web {
namespace {

constexpr std::int64_t checks_looked_through = 1'000;
constexpr std::int64_t windows_searched = 48;
constexpr std::size_t challenges_derived = 100'000;  ///< by one search

std::optional<CheckRow> find_row(Reader& reader, DeviceRef device, const Challenge& challenge,
                                 std::optional<std::int64_t> window) {
    auto rows = window ? reader.checks_in(device, WindowIndex{*window})
                       : reader.checks(device, {.before = {}, .limit = checks_looked_through});
    for (CheckRow& row : rows)
        if (row.verdict.challenge == challenge) return std::move(row);
    return std::nullopt;
}

bool has_challenge(const Site& site, const WindowPlan& plan, const DeviceId& device,
                   const Challenge& wanted, Instant now) {
    const auto is = [&](CheckKind kind, std::uint64_t ref, const auto& check) {
        return check.start <= now && challenge({.network = site.schedule.network(),
                                                .policy = plan.policy_hash,
                                                .kind = kind,
                                                .ref = ref,
                                                .beacon = check.beacon,
                                                .device = device}) == wanted;
    };
    for (const FleetCheck& check : plan.fleet)
        if (is(check.kind, static_cast<std::uint64_t>(check.slot.value), check)) return true;
    const auto spots = spot_checks(*plan.policy, *plan.key, plan.window, device, plan.fleet);
    return std::any_of(spots.begin(), spots.end(), [&](const SpotCheck& check) {
        return is(CheckKind::spot, check.ref, check);
    });
}

/// At most, of one device.
std::size_t checks_in(const WindowPlan& plan) {
    constexpr std::size_t calibrations = 1;
    return plan.fleet.size() + plan.policy->spots_per_window + calibrations;
}

bool is_calibration(const Site& site, const DeviceId& device, const Challenge& wanted) {
    const auto known = site.roster.device(device);
    return known && known->calibration &&
           site.schedule.calibration_of(*known, *known->calibration).check.challenge == wanted;
}

}  // namespace

std::optional<CheckFile> read_check_file(const Site& site, const RosterDevice& device,
                                         const Challenge& challenge,
                                         std::optional<std::int64_t> window) {
    std::optional<CheckFile> out;
    site.store.read([&](Reader& reader) {
        out.reset();
        const auto node = reader.node(device.node);
        auto row = find_row(reader, device.ref, challenge, window);
        if (!node || !row) return;
        const CheckClaim claim = row->verdict.claim;
        out = CheckFile{
            .node = *node, .row = *std::move(row), .window = {}, .answer = reader.answer_to(claim)};
        for (WindowRecord& one :
             reader.windows(device.ref, {.before = claim.window.value + 1, .limit = 1}))
            if (one.window == claim.window) out->window = std::move(one);
    });
    return out;
}

std::unique_lock<std::mutex> search_turn() {
    static std::mutex searching;
    return std::unique_lock{searching, std::try_to_lock};
}

ChallengeSearch find_challenge(const Site& site, const Challenge& challenge, Instant now,
                               std::optional<std::int64_t> window) {
    const auto fleet = site.watch.fleet();
    const auto& devices = fleet->records->devices;
    const Calendar calendar = site.schedule.calendar();
    const WindowIndex founded = calendar.window_at(site.schedule.genesis().founded);
    ChallengeSearch out{.found = {}, .devices = devices.size(), .windows = 0};
    if (devices.empty()) return out;
    const std::int64_t most = window ? 1 : windows_searched;
    std::size_t left = challenges_derived / devices.size();  // of each device
    for (WindowIndex at = window ? WindowIndex{*window} : calendar.window_at(now);
         out.windows < most && at >= founded; at = at - 1, ++out.windows) {
        const auto plan = site.schedule.plan(at);
        const std::size_t checks = checks_in(*plan);
        if (checks > left) break;
        left -= checks;
        for (const FleetDevice& device : devices) {
            if (plan->key && has_challenge(site, *plan, device.id, challenge, now))
                out.found = {device.id, at};
            else if (out.windows == 0 && is_calibration(site, device.id, challenge))
                out.found = {device.id, std::nullopt};
            if (out.found) return out;
        }
    }
    return out;
}

}  // namespace vigil::verifier::web
