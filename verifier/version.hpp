#pragma once

namespace vigil::verifier {

inline constexpr const char* version = VIGIL_VERSION;

}  // namespace vigil::verifier
