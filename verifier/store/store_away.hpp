#pragma once

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// The store could not do it now and may be able to later, with nobody's help: its server is not
/// running, still starting, full, overloaded, or has no standby promoted yet.
struct StoreAway : StoreFailed {
    using StoreFailed::StoreFailed;
};

}  // namespace vigil::verifier
