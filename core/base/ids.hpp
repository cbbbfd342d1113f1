#pragma once

#include <string_view>

#include "core/base/bytes.hpp"

namespace vigil {

NetworkId network_id(std::string_view network_name);                       ///< protocol 1.6
NodeId node_id(const PublicKey& key);                                      ///< protocol 1.7
DeviceId device_id(const PublicKey& key, std::string_view device_uid);     ///< protocol 1.8

}  // namespace vigil
