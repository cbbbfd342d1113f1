#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "verifier/scheduler.hpp"

namespace vigil::verifier::demo {

struct DemoOptions {
    std::int64_t days = 0;  ///< end after so many counted days; 0: a table after 3, then on and on
    std::uint16_t http_port = 9463;      ///< of the pages and /metrics; 0: a free one
    std::filesystem::path node_program;  ///< empty: looked for
    std::filesystem::path own_program;   ///< of this process, to look beside
    Clock clock;                         ///< the system's
    const char* search_path = nullptr;   ///< the PATH
};

/// A whole network on this machine, with policy `demo` (a day of 120 s): this verifier with TLS and
/// SQLite, and the players of play.hpp as processes of vigil-node. Everything lives in a temporary
/// directory, removed at the end. Returns the exit code: 0 when everything came as expected or a
/// stop ended it after the table, 1 when something did not, 130 when it was stopped before. Throws
/// edge::Fatal. Call from the main thread.
int run_demo(const DemoOptions& options, const std::stop_token& stop);

}  // namespace vigil::verifier::demo
