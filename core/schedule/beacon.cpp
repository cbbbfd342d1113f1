#include "core/schedule/beacon.hpp"

#include <algorithm>

#include "core/base/encoder.hpp"

namespace vigil {
namespace {

/// prf of protocol 3.2; the fields follow by the encoder's own calls.
Encoder prf(std::string_view name, const DayKey& key) {
    Encoder out{name};
    out.bytes(key);
    return out;
}

std::uint64_t first_u64(const Hash& hash) {
    std::uint64_t out{};
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | hash.bytes[i];
    return out;
}

Milliseconds offset_within(const Hash& hash, Milliseconds room) {
    return Milliseconds{
        static_cast<std::int64_t>(first_u64(hash) % static_cast<std::uint64_t>(room.count()))};
}

template <class A, class B>
bool meet(const A& a, const B& b) {
    return a.start <= b.deadline && b.start <= a.deadline;
}

std::uint64_t number(std::int64_t index) { return static_cast<std::uint64_t>(index); }

}  // namespace

Commit commit(const NetworkId& network, DayIndex day, const DayKey& key) {
    return as<Commit>(
        Encoder{"vigil/commit/v1"}.bytes(network).u64(number(day.value)).bytes(key).hash());
}

std::vector<FleetCheck> fleet_checks(const Policy& policy, const DayKey& key, WindowIndex window) {
    const Calendar calendar{policy};
    const Hash roll_draw = prf("vigil/rollslot/v1", key).u64(number(window.value)).hash();
    const SlotIndex first = calendar.first_slot(window);
    const SlotIndex roll =
        first + static_cast<std::int64_t>(first_u64(roll_draw) % policy.slots_per_window);

    std::vector<FleetCheck> checks;
    checks.reserve(policy.slots_per_window);
    for (SlotIndex slot = first; slot < first + calendar.slots_per_window(); ++slot) {
        const CheckKind kind = slot == roll ? CheckKind::roll_call : CheckKind::hourly;
        const Milliseconds length = policy.rule(kind).length();
        const Hash start_draw = prf("vigil/start/v1", key).u64(number(slot.value)).hash();
        const Instant start =
            calendar.span(slot).begin + offset_within(start_draw, calendar.slot_length() - length);
        const Hash beacon = prf("vigil/beacon/v1", key).u64(number(slot.value)).hash();
        checks.push_back({slot, kind, start, start + length, as<Beacon>(beacon)});
    }
    return checks;
}

std::vector<SpotCheck> spot_checks(const Policy& policy, const DayKey& key, WindowIndex window,
                                   const DeviceId& device) {
    return spot_checks(policy, key, window, device, fleet_checks(policy, key, window));
}

std::vector<SpotStart> spot_starts(const Policy& policy, const DayKey& key, WindowIndex window,
                                   const DeviceId& device, std::span<const FleetCheck> fleet) {
    if (policy.spots_per_window == 0) return {};
    const Calendar calendar{policy};
    // A spot check lies inside its window, so only this window's fleet checks can meet it.
    const Milliseconds length = policy.spot.length();
    std::vector<SpotStart> issued;
    for (std::uint32_t j = 0; j < policy.spots_per_window; ++j) {
        const Hash draw =
            prf("vigil/spot/v1", key).bytes(device).u64(number(window.value)).u32(j).hash();
        const Instant start =
            calendar.span(window).begin + offset_within(draw, calendar.window_length() - length);
        const SpotStart spot{j, start, start + length};
        const auto meets_spot = [&spot](const auto& other) { return meet(spot, other); };
        if (std::none_of(fleet.begin(), fleet.end(), meets_spot) &&
            std::none_of(issued.begin(), issued.end(), meets_spot))
            issued.push_back(spot);
    }
    return issued;
}

std::vector<SpotCheck> spot_checks(const Policy& policy, const DayKey& key, WindowIndex window,
                                   const DeviceId& device, std::span<const FleetCheck> fleet) {
    std::vector<SpotCheck> issued;
    for (const SpotStart& spot : spot_starts(policy, key, window, device, fleet)) {
        const Hash beacon = prf("vigil/spotbeacon/v1", key)
                                .bytes(device)
                                .u64(number(window.value))
                                .u32(spot.j)
                                .hash();
        issued.push_back({spot.j, number(window.value) * 256 + spot.j, spot.start, spot.deadline,
                          as<Beacon>(beacon)});
    }
    return issued;
}

Milliseconds extra_work(const Beacon& beacon, const NodeId& node, Milliseconds spread) {
    const Hash draw = Encoder{"vigil/spread/v1"}.bytes(beacon).bytes(node).hash();
    return offset_within(draw, spread + Milliseconds{1});
}

}  // namespace vigil
