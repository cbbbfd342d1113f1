#pragma once

#include <functional>

namespace vigil::verifier {

/// What the end of an operation leads to, on its network thread. Its address is the operation's
/// tag, so it outlives the operation.
using Completion = std::function<void(bool ok)>;

/// The library's tags are not const.
inline void* tag(const Completion& completion) { return const_cast<Completion*>(&completion); }

}  // namespace vigil::verifier
