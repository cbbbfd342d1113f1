#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"

/// The bytes that a node's signatures cover, answers excepted (core/work/proof.hpp). Each starts
/// with its own tag and the network's id, so no signature serves twice.
namespace vigil::wire {

using SessionNonce = FixedBytes<32, struct SessionNonceTag>;

/// An enrolment's content exactly as sent.
ByteVector enrol_text(const NetworkId& network, std::string_view content);
ByteVector session_text(const NetworkId& network, const SessionNonce& nonce, const NodeId& node);

struct DeviceRequest {
    DeviceId device;
    std::uint64_t sequence{};  ///< greater than that of any request of the device before
};
ByteVector calibrate_text(const NetworkId& network, const DeviceRequest& request);
ByteVector retire_text(const NetworkId& network, const DeviceRequest& request);

}  // namespace vigil::wire
