#include "core/schedule/challenge.hpp"

#include "core/base/encoder.hpp"

namespace vigil {

Challenge challenge(const ChallengeFields& fields) {
    return as<Challenge>(Encoder{"vigil/challenge/v1"}
                             .bytes(fields.network)
                             .bytes(fields.policy)
                             .u64(static_cast<std::uint64_t>(fields.kind))
                             .u64(fields.ref)
                             .bytes(fields.beacon)
                             .bytes(fields.device)
                             .hash());
}

}  // namespace vigil
