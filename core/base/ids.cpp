#include "core/base/ids.hpp"

#include "core/base/encoder.hpp"
#include "core/crypto/keccak256.hpp"

namespace vigil {
namespace {

Hash hash_of(std::string_view utf8) { return keccak256(ByteVector{utf8.begin(), utf8.end()}); }

}  // namespace

NetworkId network_id(std::string_view network_name) {
    return as<NetworkId>(Encoder{"vigil/network/v1"}.bytes(hash_of(network_name)).hash());
}

NodeId node_id(const PublicKey& key) {
    return as<NodeId>(Encoder{"vigil/node/v1"}.bytes(key).hash());
}

DeviceId device_id(const PublicKey& key, std::string_view device_uid) {
    return as<DeviceId>(Encoder{"vigil/device/v1"}.bytes(key).bytes(hash_of(device_uid)).hash());
}

}  // namespace vigil
