#pragma once

#include <string>

#include "proto/edge/settings.hpp"
#include "verifier/run.hpp"

namespace vigil::verifier {

/// `vigil-verifier bundle`: what whoever helps needs, without secrets, as one tar file. `output`
/// empty: a name with the time, in the current folder. The verifier may be running or not.
int write_bundle(const VerifierOptions& options, const edge::Settings& settings,
                 const std::string& output);

}  // namespace vigil::verifier
