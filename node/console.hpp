#pragma once

#include <memory>

#include "node/board.hpp"

namespace vigil::node {

/// Keeps one live line at the foot of a terminal and lets log lines pass above it: takes over the
/// output of the default logger while it lives. Only for a terminal; elsewhere plain log lines are
/// all there is.
class Console {
public:
    /// `colour` false: NO_COLOR was set. `board` and the default logger outlive the console.
    Console(Board& board, bool colour);
    ~Console();

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::node
