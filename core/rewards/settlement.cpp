#include "core/rewards/settlement.hpp"

#include "core/base/encoder.hpp"
#include "core/base/require.hpp"

namespace vigil {

Hash state_hash(const NetworkId& network, DayIndex day, std::span<const DeviceState> devices) {
    Encoder out{"vigil/state/v1"};
    out.bytes(network).u64(static_cast<std::uint64_t>(day.value));
    const DeviceId* before = nullptr;
    for (const DeviceState& state : devices) {
        require(before == nullptr || *before < state.device, "devices strictly ascend by id");
        before = &state.device;
        out.bytes(state.device)
            .u128(state.standing.balance.count())
            .u32(state.standing.service_days)
            .u32(state.standing.grace_left)
            .u32(state.standing.down_run)
            .u64(state.baseline);
    }
    return out.hash();
}

}  // namespace vigil
