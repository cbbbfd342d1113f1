#pragma once

#include <memory>
#include <string>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What the commands share that read a store beside a verifier. Both throw edge::Fatal.
std::unique_ptr<Store> open_for_reading(const std::string& place);
/// The only device whose id begins so.
DeviceRecord find_device(Reader& reader, const std::string& beginning);

}  // namespace vigil::verifier
