#include "proto/signed_texts.hpp"

#include "core/base/encoder.hpp"
#include "core/crypto/keccak256.hpp"

namespace vigil::wire {

ByteVector enrol_text(const NetworkId& network, std::string_view content) {
    const ByteSpan bytes{reinterpret_cast<const std::uint8_t*>(content.data()), content.size()};
    return Encoder{"vigil/enrol/v1"}.bytes(network).bytes(keccak256(bytes)).written();
}

ByteVector session_text(const NetworkId& network, const SessionNonce& nonce, const NodeId& node) {
    return Encoder{"vigil/session/v1"}.bytes(network).bytes(nonce).bytes(node).written();
}

ByteVector calibrate_text(const NetworkId& network, const DeviceRequest& request) {
    return Encoder{"vigil/calibrate/v1"}
        .bytes(network)
        .bytes(request.device)
        .u64(request.sequence)
        .written();
}

ByteVector retire_text(const NetworkId& network, const DeviceRequest& request) {
    return Encoder{"vigil/retire/v1"}
        .bytes(network)
        .bytes(request.device)
        .u64(request.sequence)
        .written();
}

}  // namespace vigil::wire
