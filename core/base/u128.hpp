#pragma once

namespace vigil {

/// The compiler's 128-bit integer under a name that -Wpedantic accepts. Arithmetic wraps; see Micro.
__extension__ using u128 = unsigned __int128;

}  // namespace vigil
