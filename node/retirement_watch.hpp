#pragma once

#include <filesystem>
#include <functional>

#include "node/board.hpp"

namespace vigil::node {

/// Shows on the board which of the node's devices retire, and since when nothing is asked of them
/// (protocol 8.5). `vigil-node retire` writes that beside the running node. A retirement that is
/// undone is gone from it, because the node may enrol the device again at any moment.
class RetirementWatch {
public:
    /// `board` outlives it.
    RetirementWatch(std::filesystem::path data_dir, Board& board, std::function<Instant()> now);
    /// To be called often: reads the file every two seconds, and logs what is new. A file that
    /// cannot be read changes nothing.
    void look();

private:
    void read();

    const std::filesystem::path data_dir_;
    Board& board_;
    const std::function<Instant()> now_;
    SteadyTime next_{};
    bool failed_ = false;
};

}  // namespace vigil::node
