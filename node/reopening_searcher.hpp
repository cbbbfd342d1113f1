#pragma once

#include <functional>
#include <memory>

#include "core/work/searcher.hpp"

namespace vigil::node {

/// Gives the same device back, opened anew; throws SearchFailed while that does not work.
using OpenSearcher = std::function<std::unique_ptr<Searcher>()>;

/// A device that is opened anew after every search that failed: what a driver left behind is not
/// trusted with the next one. rest() closes it. `first` is the device as opened already. Like any
/// searcher, for one thread at a time.
std::unique_ptr<Searcher> make_reopening_searcher(std::unique_ptr<Searcher> first,
                                                  OpenSearcher open);

}  // namespace vigil::node
