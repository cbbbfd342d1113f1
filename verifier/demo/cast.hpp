#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "verifier/demo/node_process.hpp"
#include "verifier/demo/play.hpp"
#include "verifier/demo/report.hpp"

namespace vigil::verifier::demo {

/// An actor and the process that plays it.
struct Player {
    Actor actor;
    std::string what;  ///< one line for the audience
    std::unique_ptr<NodeProcess> process;
};

/// One player for each part. Devices that share a processor are kept apart: the honest CPU device
/// has the first core, an OpenCL device that is a processor the last one, and the others work so
/// small a share of the time that nobody's rate suffers.
std::vector<Player> cast(const Stage& stage, const PlayOptions& options);

}  // namespace vigil::verifier::demo
