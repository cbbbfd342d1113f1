#pragma once

#include <tl/expected.hpp>

namespace vigil {

/// A result that may be an expected failure (conventions 3). std::expected once C++23 is the floor.
template <class T, class E>
using Expected = tl::expected<T, E>;

}  // namespace vigil
