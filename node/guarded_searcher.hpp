#pragma once

#include <memory>

#include "core/base/instant.hpp"
#include "core/work/searcher.hpp"

namespace vigil::node {

/// A device's driver has not come back.
struct SearchHung : SearchFailed {
    using SearchFailed::SearchFailed;
};

struct Patience {
    Milliseconds first{30'000};  ///< until a search has its first launch back; may open the device
    Milliseconds next{10'000};   ///< between two launches, which take 20 to 100 ms
    Milliseconds kernel{120'000};  ///< for another kernel, which a driver may have to compile
};

/// A device whose driver may hang: searches run on a thread of their own, which is left to itself
/// when no launch has come back for too long. search() then throws SearchHung, at once while the
/// driver is still away; when it comes back the device is used again. The time that keep_searching
/// takes is the owner's, not the driver's.
std::unique_ptr<Searcher> make_guarded_searcher(std::unique_ptr<Searcher> searcher,
                                                Patience patience = {});

}  // namespace vigil::node
