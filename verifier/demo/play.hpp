#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "verifier/schedule.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::demo {

/// The verifier that the demo's nodes talk to: a real one, of this process.
struct Stage {
    Store& store;
    Schedule& schedule;
    std::string address;                ///< host:port for nodes
    std::filesystem::path certificate;  ///< what they trust
    /// Answers refused so far because a challenge or device was another's.
    std::function<std::uint64_t()> refused;
    std::function<Instant()> clock;
};

struct PlayOptions {
    std::int64_t days = 3;               ///< counted days until the table
    bool go_on = true;                   ///< after the table, until it is stopped
    std::filesystem::path directory;     ///< exists; each node gets a folder in it
    std::filesystem::path node_program;  ///< vigil-node
};

enum class Ending : std::uint8_t { as_expected, not_as_expected, interrupted };

/// Starts the actors, waits for the days to settle while printing what happens, prints the table
/// and what did not come as expected. One honest node for each kind of device present, a flaky one
/// (its process is killed for a whole day), a lazy one and a replayer. Call from a thread that
/// outlives the nodes. Throws edge::Fatal when no node can be started or none enrols.
Ending play(Stage& stage, const PlayOptions& options, const std::stop_token& stop);

/// Where vigil-node is: beside this program, in the build tree's node folder, or on the PATH.
/// Throws edge::Fatal E-DEMO with the places that were tried.
std::filesystem::path find_node_program(const std::filesystem::path& own_program, const char* path);

}  // namespace vigil::verifier::demo
